import { useAui } from "@assistant-ui/react";
import { ShieldCheck } from "lucide-react";

const EXAMPLES = [
  { prompt: "Who are you?", about: "An introduction" },
  { prompt: "Tell me a short story about a fox.", about: "A story" },
  { prompt: "Give me three ideas for the weekend.", about: "Some ideas" },
  { prompt: "Tell me a joke.", about: "Something light" },
];

/** What a person meets before the first word. */
export function Welcome() {
  const aui = useAui();
  return (
    <div className="welcome">
      <h1>Hello. What is on your mind?</h1>
      <p className="welcome-lead">
        Mini-Claude is an assistant of your own: the model that answers here is small, runs on this
        machine and can be taught, measured and looked into.
      </p>
      <ul className="examples" aria-label="Example questions">
        {EXAMPLES.map(({ prompt, about }) => (
          <li key={prompt}>
            <button type="button" className="example" onClick={() => aui.thread.append(prompt)}>
              <span className="example-about">{about}</span>
              <span>{prompt}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="privacy">
        <ShieldCheck size={16} aria-hidden />
        With a local model, everything you write stays on this machine.
      </p>
    </div>
  );
}
