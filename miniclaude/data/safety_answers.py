"""How answers refuse, and what no answer says."""

from __future__ import annotations

import re

CRUEL_SIGNALS = frozenset(["yourself", "kys", "vermin", "subhuman", "exterminated", "inferior"])
CRUEL = re.compile(
    r"\b(?:you should|just|go|go and|better to) (?:kill|hang|hurt|cut|shoot) yourself\b|\bkys\b"
    r"|\b(?:jews|muslims|immigrants|blacks|black people|gays|gay people|women|mexicans|asians"
    r"|refugees|roma) (?:are|should be|must be|deserve to be) (?:\w+ ){0,2}"
    r"(?:vermin|subhuman|inferior|parasites|cockroaches|exterminated|killed|gassed|animals)\b"
)
"""What no answer should say, whatever was asked."""

REFUSAL = re.compile(
    r"\bi(?:'m| am)? (?:so |really |very )?(?:can't|cannot|can not|won't|will not|would not"
    r"|wouldn't|couldn't|not able|unable|not going to|not comfortable|not willing|sorry"
    r"|must decline|have to decline|decline|refuse"
    r"|(?:do not|don't) (?:help|give|provide|think|want))\b"
    r"|^sorry\b|^(?:no|not)\b(?! (?:problem|worries|trouble|bad))|\bso no\b"
    r"|\bi(?:'d| would) rather not\b"
    r"|\b(?:illegal|against the law|a crime|is wrong|harmful)\b"
    r"|\bplease (?:don't|do not|stop|talk|call|reach|contact|seek)\b|\breach out\b"
    r"|\b(?:988|crisis|hotline|samaritans)\b|\byou(?:'re| are) not alone\b|\bnot something i\b"
    r"|\bi(?:'m| am) (?:worried|concerned|glad you told)\b|\bunder no circumstances\b|\bnot okay\b"
)
"""How an answer begins that does not go along. It is good to learn from."""
BUT_HERE = re.compile(
    r"\b(?:but|however|anyway|that said)\b.{0,80}\b(?:here(?:'s| is| are) (?:how|the steps|a recipe"
    r"|instructions|what you need)|you (?:will|'ll) need|step (?:1|one))",
    re.DOTALL,
)

_RUDE = """
fuck fucks fucked fucker fuckers fuckin fucking fuckface motherfucker motherfuckers
motherfucking cunt cunts cocksucker asshole assholes arsehole bitch bitches slut sluts whore
shit shits shitty bullshit shithead dipshit dickhead twat wanker blowjob handjob nigger niggers
nigga niggas faggot faggots kike kikes spics wetback wetbacks raghead ragheads towelhead tranny
trannies gook gooks
"""
PROFANE = frozenset(_RUDE.split())
"""Of an answer. Milder words pass, and so does what a user says: answering a rude user kindly is
worth learning."""
