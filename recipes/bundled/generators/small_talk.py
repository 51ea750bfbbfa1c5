"""Greetings, thanks and chat between two people's errands."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.wording import as_typed

PAIRS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Hi!", "Hello!", "hey", "Hi there", "hello", "hi", "Good morning!", "hey there!",
      "Hello there."),
     ("Hello! How can I help you?", "Hi! What can I do for you?", "Hello! Nice to meet you.",
      "Hi there! What would you like to talk about?", "Hello!")),
    (("How are you?", "how are you today?", "How's it going?", "how are you doing", "You okay?"),
     ("I'm fine, thank you! And you?", "I'm doing well, thanks. How are you?",
      "All good here. And you?")),
    (("I'm fine.", "I am doing well.", "Pretty good today.", "I feel great!", "not bad, thanks"),
     ("I'm glad to hear that!", "That's good to hear.", "Nice! What can I do for you?")),
    (("Thanks!", "Thank you.", "thx", "Thanks a lot!", "thank you so much", "cheers"),
     ("You're welcome!", "Happy to help!", "Any time!", "You're welcome.")),
    (("It's raining today.", "It rains a lot here.", "so much rain today", "What a wet day."),
     ("A good day to stay inside with a book.", "I hope you have an umbrella!",
      "Rainy days can be cosy.")),
    (("It's so hot today.", "The sun is shining.", "what a lovely day", "It is sunny outside."),
     ("That sounds nice! Enjoy the sun.", "Don't forget to drink enough water.",
      "A good day to go outside.")),
    (("It is snowing!", "It's really cold today.", "there is snow outside"),
     ("Stay warm!", "Time for a hot drink.", "Snow can be beautiful. Keep warm!")),
    (("I'm tired.", "I am so tired today.", "I didn't sleep well.", "long day..."),
     ("I'm sorry to hear that. I hope you can rest soon.", "Take a break if you can.",
      "Rest is important.")),
    (("I'm bored.", "I have nothing to do.", "so bored right now"),
     ("We could talk, or you could go for a walk.", "Would you like to play a word game?",
      "Maybe read something or call a friend?")),
    (("I had a good day.", "Today was a good day!", "work went well today",
      "I had a lot of fun today."),
     ("That's great! I'm happy for you.", "How nice! What was the best part?",
      "I'm glad to hear it.")),
    (("I have a test on Friday.", "My exam is next week.", "i have to study tonight"),
     ("Good luck! I'm sure you will do well.", "I hope it goes well!", "Good luck with it!")),
    (("I just ate lunch.", "I had dinner already.", "I am eating breakfast."),
     ("I hope it was tasty!", "Enjoy your meal!", "That sounds good.")),
    (("I'm going for a walk.", "I went for a walk this morning.", "i walked a lot today"),
     ("Walking is good for you. Enjoy!", "Fresh air is always good.", "That sounds nice.")),
    (("I am cooking soup.", "I'm making dinner.", "cooking pasta tonight"),
     ("That sounds delicious!", "Enjoy your meal!", "Yum! I hope it turns out well.")),
    (("It's the weekend!", "The weekend is here.", "finally weekend"),
     ("Enjoy it! Do you have any plans?", "Have a good rest!",
      "Nice! I hope you have a good time.")),
    (("I'm reading a book.", "I read all evening.", "I just finished a book."),
     ("Reading is a nice way to spend time.", "I hope it is a good one!", "That sounds relaxing.")),
    (("I like music.", "I am listening to music.", "music helps me relax"),
     ("Music is wonderful.", "Enjoy the music!", "Music can make a day better.")),
    (("I watched a film yesterday.", "We saw a movie last night.", "i love films"),
     ("I hope you enjoyed it!", "Films can be a lot of fun.", "Nice! Was it good?")),
    (("The bus was late again.", "I missed my bus.", "traffic was terrible today"),
     ("That's annoying. I hope the rest of your day is better.",
      "Oh no! I hope you got there in the end.")),
    (("You are nice.", "You're very helpful.", "you are cool", "I like talking to you."),
     ("Thank you! That's kind of you.", "Thanks! I'm happy to help.", "How kind, thank you!")),
    (("Tell me something nice.", "Say something kind.", "cheer me up"),
     ("You are doing better than you think.", "I'm glad you are here.", "Small steps count too.")),
    (("What are you doing?", "what's up?", "What are you up to?"),
     ("I'm here, ready to help you.", "Just waiting for your next question!", "Talking with you!")),
    (("Can you help me?", "I need some help.", "can i ask you something", "I have a question."),
     ("Of course! What do you need?", "Sure, go ahead.", "Yes. What is it?",
      "Sure! Ask me anything.")),
    (("Ok.", "okay", "I see.", "Got it.", "alright"),
     ("Good! Is there anything else?", "Great. Let me know if you need more.", "Okay!")),
    (("My plants are growing well.", "I worked in the garden today.", "I planted some flowers."),
     ("How lovely!", "Gardens need patience. Well done!", "That sounds nice.")),
    (("I cleaned my room.", "I tidied the house today.", "finally cleaned the kitchen"),
     ("Well done! A tidy place feels good.", "Nice work!", "That must feel good.")),
    (("I'm at work.", "I am on the train.", "I'm sitting in the park."),
     ("I hope you have a good time there.", "Nice! How is it?", "Okay! What can I do for you?")),
    (("I'm a bit sad.", "I feel lonely today.", "i had a bad day"),
     ("I'm sorry to hear that. I'm here if you want to talk.",
      "That sounds hard. I hope tomorrow is better.",
      "I'm sorry. Do you want to tell me about it?")),
    (("My friend is visiting soon.", "A friend came over today."),
     ("How nice! Have a good time together.", "Friends are a good thing to have.")),
    (("I want to learn something new.", "I'm learning to draw.", "I started running."),
     ("That's a great idea!", "Keep going, a little every day helps.", "Good for you!")),
)  # fmt: skip
"""What may be said, and what fits all of it as an answer."""


def exchange(random: Random) -> list[str]:
    """What the user says and what the assistant answers."""
    said, answers = random.choice(PAIRS)
    return [as_typed(random, random.choice(said)), random.choice(answers)]


def opening(random: Random) -> list[str]:
    """A greeting and its answer."""
    said, answers = PAIRS[0]
    return [random.choice(said), random.choice(answers)]
