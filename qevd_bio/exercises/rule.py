"""The content of a rule file, as frozen values.

D = 46 DoF, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qevd_bio.arrays import FloatArray
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.constraints import Constraint

SIDES = ("r", "l")
OTHER_SIDE = {"r": "l", "l": "r"}


@dataclass(frozen=True, slots=True)
class Representative:
    """The measure that shows the repetitions, how its sides join, which end is the key."""

    measure: str
    side: str
    extreme: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A named moment of a cycle.

    Attributes
    ----------
    name : str
        Within the rule.
    at : float
        Share of the cycle.
    key : bool
        Whether the representative measure is extreme here.
    cue_phase : str
        What a trainer's words call it: ``top``, ``bottom`` or ``between``; empty in a hold.
    words : str
        How a sentence names it; empty: "at the NAME phase".
    """

    name: str
    at: float
    key: bool
    cue_phase: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Tempo:
    """Bounds of a cycle in seconds and their source."""

    shortest_s: float
    longest_s: float
    source: str


@dataclass(frozen=True, slots=True)
class ReferenceKey:
    """One pose of the reference: share of the cycle and DoF angles in degrees, sides resolved."""

    at: float
    deg: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a language model has to do with a rule, as the rule file states it.

    Attributes
    ----------
    model, prompt, drafted : str
        What the server named the model, the prompt file with its version, and when (UTC).
    proposal_sha256 : str
        Digest of the rule as proposed; see `qevd_bio.exercises.drafts.proposal_sha256`.
    representative_reason : str
        The model's reason for the representative measure.
    joint_reasons, constraint_reasons : mapping of str to str
        Its reasons by joint and by constraint.
    accepted_by, accepted_at : str or None
        Who looked at the rule and when (UTC); None: nobody.
    """

    model: str
    prompt: str
    drafted: str
    proposal_sha256: str
    representative_reason: str
    joint_reasons: Mapping[str, str]
    constraint_reasons: Mapping[str, str]
    accepted_by: str | None = None
    accepted_at: str | None = None


@dataclass(frozen=True, slots=True)
class GivenReference:
    """A reference from a file, which takes the place of the one that a rule builds.

    Attributes
    ----------
    q : ndarray (P, 46)
        rad, as `qevd_bio.exercises.references.build_reference` gives it.
    content : bytes
        The .npy file.
    digest : str
        SHA-256 of `content`.
    entry : mapping
        What its index says of it; with its provenance.
    """

    q: FloatArray = field(compare=False, repr=False)
    content: bytes = field(compare=False, repr=False)
    digest: str
    entry: Mapping[str, JsonValue] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything the package knows about one exercise.

    Attributes
    ----------
    id, version, title, aliases
        Identity and names.
    cue_groups : tuple of str
        Groups of the cue lexicon the exercise belongs to, nearest first.
    kind : str
        ``repetitive``, ``alternating`` or ``hold``.
    posture : str
        ``standing``, ``prone`` or ``supine``.
    representative, phases, tempo
        How cycles are found and their moments named.
    dynamic_joints, static_joints : tuple of str
        SKEL joints that should move or keep still; together all 24.
    constraints : tuple of Constraint
        What is checked.
    points, start_phase, reference_keys
        What the reference is built from.
    citations : mapping of str to str
        Full names of the sources.
    file, digest : str
        Where the rule was read from, and the SHA-256 of these bytes.
    draft : Draft or None
        Where a language model proposed the rule.
    given : GivenReference or None
        The reference that is used in place of the key poses.
    """

    id: str
    version: int
    title: str
    aliases: tuple[str, ...]
    cue_groups: tuple[str, ...]
    kind: str
    posture: str
    representative: Representative
    phases: tuple[Phase, ...]
    tempo: Tempo
    dynamic_joints: tuple[str, ...]
    static_joints: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    points: int
    start_phase: str
    reference_keys: tuple[ReferenceKey, ...]
    citations: Mapping[str, str]
    file: str
    digest: str
    draft: Draft | None = None
    given: GivenReference | None = None

    @property
    def is_draft(self) -> bool:
        """Whether a language model proposed the rule and nobody has accepted it."""
        return self.draft is not None and self.draft.accepted_by is None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the exercise."""
        return self.id, self.title, *self.aliases

    def phase(self, name: str) -> Phase:
        """Return the phase of that name."""
        return next(phase for phase in self.phases if phase.name == name)

    @property
    def key_phase(self) -> Phase:
        """The phase at which the representative measure is extreme."""
        return next(phase for phase in self.phases if phase.key)
