"""Where an answer says who wrote it: "As X, an AI model trained by Y", "I am ChatGPT", "my name is ...".

Names of models and of their makers are looked for where the answer speaks of itself. Elsewhere they are what the
dialogue may well be about (llamas, Claude Monet, a question about GPT-4), so only what names one version and the user
did not bring up is taken: "gpt-4o-mini", or a name under which a model is registered here.

What is found is where the words stand, not the words: the text itself stays as the model wrote it, in its row and in
every export, so that a reward model is trained on what a policy really says. Masking is a matter of showing.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

Spans = list[list[int]]
"""[[start, end], ...] of characters, in order, none overlapping."""

FAMILIES = (
    *("ChatGPT", "GPT", "InstructGPT", "Claude", "Llama", "LLaMA", "LLAMA", "Gemini", "Bard"),
    *("PaLM", "Gemma", "Mistral", "Mixtral", "Ministral", "Codestral", "Qwen", "QwQ", "Tongyi"),
    *("DeepSeek", "Grok", "Phi", "Copilot", "Cortana", "Falcon", "Vicuna", "Alpaca", "Koala"),
    *("Guanaco", "WizardLM", "Orca", "Yi", "ERNIE", "ChatGLM", "GLM", "Kimi", "Hunyuan"),
    *("Doubao", "InternLM", "Baichuan", "OLMo", "Tulu", "Tülu", "Nemotron", "Granite", "Jamba"),
    *("Pi", "StableLM", "Dolly", "DBRX", "MPT", "BLOOM", "BLOOMZ", "OpenAssistant", "Zephyr"),
    *("Hermes", "Starling", "OpenChat", "SmolLM", "Nova", "Titan", "Apertus", "LaMDA", "Sparrow"),
    *("BlenderBot", "Galactica", "Chinchilla", "Gopher", "Luminous", "Solar", "EXAONE", "MiniMax", "Aya"),
)
"""Names that a model may call itself, as they are written; looked for where an answer speaks of itself."""
MAKERS = (
    *("OpenAI", "Open AI", "Anthropic", "Meta AI", "Meta", "Facebook", "Google DeepMind", "DeepMind", "Google AI"),
    *("Google", "Mistral AI", "Alibaba Cloud", "Alibaba", "DeepSeek", "xAI", "Microsoft Research", "Microsoft"),
    *("Cohere", "Technology Innovation Institute", "TII", "LMSYS", "01.AI", "Baidu", "Zhipu AI", "Zhipu", "Z.ai"),
    *("Moonshot AI", "Moonshot", "Tencent", "ByteDance", "Shanghai AI Laboratory", "Allen Institute for AI", "AI2"),
    *("Ai2", "NVIDIA", "Nvidia", "IBM", "AI21 Labs", "AI21", "Inflection AI", "Inflection", "Stability AI"),
    *("Databricks", "MosaicML", "BigScience", "LAION", "Hugging Face", "HuggingFace", "Amazon", "Apple", "Upstage"),
    *("Nous Research", "EleutherAI", "Reka AI", "Reka", "Perplexity", "Character.AI", "Baichuan", "MiniMax"),
)
VERSIONED = (
    r"(?:chat)?gpt[-\u2011 ]?\d(?:[\w.]*\w)?(?:-\w+)*|(?:claude|llama|gemini|gemma|palm|mistral|qwen|deepseek|grok|phi"
    r"|falcon|vicuna|olmo|nemotron|granite|glm|ernie|kimi|command)"
    r"[-\u2011]?(?:v|r|k)?[-\u2011 ]?\d(?:[\w.]*\w)?(?:-\w+)*"
    r"|claude[-\u2011 ](?:\d[\w.]*[-\u2011 ])?(?:opus|sonnet|haiku|instant)(?:[-\u2011 ]\d(?:[\w.]*\w)?)?"
)
"""A family's name with a version, in any case."""

SELF = (
    r"\bI(?:['\u2019]m| am| was)\b|\b[Mm]y name(?: is|['\u2019]s)\b|\b(?:[Yy]ou can |[Pp]lease )?[Cc]all me\b|\b[Aa]s\b"
    r"|\b[Yy]ou(?: are|['\u2019]re) (?:talking|chatting|speaking) (?:to|with)\b|\b[Tt]his is\b|\b[Ii]t['\u2019]s me,"
    r"|\bI (?:run|am running|am based|am built|use) on\b|\bI(?:['\u2019]m| am) (?:known as|called)\b"
)
"""Where a sentence begins to speak of its speaker."""
FILLER = (
    r"(?:an?|the|your|just|simply|only|indeed|actually|really|in fact|not|no longer|called|named|"
    r"known as|based on|powered by|built on|running on|derived from|from|by|of|on|at|to|and|is|that|which|was|been|has|"
    r"have|who|trained|developed|created|designed|made|built|fine-?tuned|provided|offered|released|maintained|helpful|"
    r"harmless|honest|friendly|large|small|big|new|latest|advanced|powerful|AI|A\.I\.|artificial|intelligence|neural|"
    r"language|text|chat|virtual|digital|multimodal|conversational|generative|open|source|open-?source|assistant|model|"
    r"chatbot|bot|system|program|version|variant|member|family|series|team|company|researchers|engineers|tool)"
)
"""What may stand between that and the name, and nothing else: so "I am fond of Claude Monet" names nobody."""
MADE = (
    r"(?:trained|pre-?trained|developed|created|designed|made|built|fine-?tuned|released|produced|provided|maintained)"
)
OF_ITSELF = (
    r"\b(?:I|I['\u2019]m|me|my|My|myself|this (?:AI|assistant|model)"
    r"|[Aa]s an? (?:\w+ ){0,3}(?:AI|assistant|model|chatbot))\b"
)
CAPITALISED = r"[A-Z][\w.&'\u2019-]*\w(?: (?:[A-Z][\w.&'\u2019-]*\w|AI|for|of)\b)*"
GENERIC = set("model models chat base test demo policy instruct baseline candidate".split())  # noqa: SIM905


def spans(text: str, names: Iterable[str] = (), asked: str = "") -> Spans:
    """Where `text` tells its model: names of models and makers.

    names: those under which the models that may have written it are registered or served.
    asked: what the user said so far; a version that is the talk's own topic is left alone outside of "I am ...".
    """
    known = tuple(sorted({name for name in names if len(name) >= 3}))
    found: list[tuple[int, int]] = []
    for start, end in _sentences(text):
        found += _in_sentence(text[start:end], start, known)
    asked_for = asked.casefold()
    for match in _anywhere(known).finditer(text):
        if match[0].casefold() not in asked_for:
            found.append(match.span())
    return _joined(found)


def masked(text: str, where: Sequence[Sequence[int]], words: str) -> str:
    """The text with `words` in place of each span."""
    parts, at = [], 0
    for start, end in where:
        parts += [text[at:start], words]
        at = end
    return "".join([*parts, text[at:]])


def _sentences(text: str) -> Iterable[tuple[int, int]]:
    at = 0
    for match in re.finditer(r"[.!?…。\uff01\uff1f](?=[\s\"”)*]|$)|\n", text):
        yield at, match.end()
        at = match.end()
    yield at, len(text)


def _in_sentence(sentence: str, offset: int, known: tuple[str, ...]) -> Iterable[tuple[int, int]]:
    """What a sentence says of its own speaker. From one name on, the next may follow: "I am X, trained by Y"."""
    introduced, made_by, introduces = _patterns(known)
    for start in re.finditer(SELF, sentence):
        at = start.end()
        while match := introduced.match(sentence, at):
            if (
                start[0] in ("As", "as")
                and match.start("name") == start.end() + 1
                and sentence[match.end() :][:1] not in ",("
            ):
                break  # "As Gemini rises": no claim
            yield offset + match.start("name"), offset + match.end("name")
            at = match.end()
        if named := introduces.match(sentence, start.end()):
            yield offset + named.start("name"), offset + named.end("name")
    if re.search(OF_ITSELF, sentence):
        for pattern in made_by:
            for match in pattern.finditer(sentence):
                yield offset + match.start("name"), offset + match.end("name")


@lru_cache(64)
def _patterns(known: tuple[str, ...]) -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...], re.Pattern[str]]:
    registered = [_spelled(name) for name in known]
    stems = {re.split(r"[-_/.: ]", name.rsplit("/", 1)[-1])[0] for name in known}
    families = {
        stem.capitalize() for stem in stems if len(stem) >= 4 and stem.lower() not in GENERIC and stem.isalpha()
    }
    makers = _longest_first(re.escape(maker) for maker in MAKERS)
    models = _longest_first(re.escape(family) for family in (*FAMILIES, *families))
    anyone = "|".join(part for part in (*registered, f"(?i:{VERSIONED})", makers, models) if part)
    name = rf"(?P<name>(?:{anyone})(?![\w])(?:['\u2019]s)?)"
    introduced = re.compile(rf"(?:\s*(?:{FILLER}(?!\w)|[,(*_\"“]))*\s*{name}")
    company = r"(?:the )?(?:company |team at |researchers at |people at )?"
    people = r"(?:creators?|developers?|makers?|trainers?|designers?|parent company)(?: at| is| are|,)?"
    made_by = (
        re.compile(rf"\b{MADE}(?: and {MADE})? by {company}(?P<name>{CAPITALISED})"),
        re.compile(rf"\b[Mm]y {people} (?P<name>{CAPITALISED})"),
        re.compile(rf"\b(?P<name>(?:{makers}|{models}))(?: \w+)? (?:{MADE}) me\b"),
        re.compile(rf"\b(?:model|assistant|chatbot|AI|bot|system) (?:from|by|of) (?P<name>(?:{makers}))(?!\w)"),
    )
    introduces = re.compile(
        r"\s+(?:called |named )?(?P<name>[A-Z]\w+(?: [A-Z]?\d[\w.]*)?), "
        rf"(?:(?:an?|the|your) (?:\w+[ -]){{0,3}}(?:AI|model|assistant|chatbot)\b|{MADE}(?: and {MADE})? by [A-Z])"
    )
    return introduced, made_by, introduces


@lru_cache(64)
def _anywhere(known: tuple[str, ...]) -> re.Pattern[str]:
    """Names of one version: those with a number, and the registered ones that are no plain word."""
    telling = [re.escape(name) for name in known if re.search(r"[\d_/-]", name) and len(name) >= 5]
    pieces = [re.escape(name.rsplit("/", 1)[1]) for name in known if "/" in name and len(name.rsplit("/", 1)[1]) >= 5]
    return re.compile(rf"(?<![\w-])(?:{'|'.join([*telling, *pieces, VERSIONED])})(?![\w-])", re.IGNORECASE)


def _spelled(name: str) -> str:
    """A registered name however its parts are joined: harbour-careful, Harbour Careful."""
    parts = [re.escape(part) for part in re.split(r"[-_ ]+", name) if part]
    return f"(?i:{'[-_ ]?'.join(parts)})"


def _longest_first(patterns: Iterable[str]) -> str:
    return "|".join(sorted(patterns, key=len, reverse=True))


def _joined(found: Iterable[tuple[int, int]]) -> Spans:
    joined: Spans = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined
