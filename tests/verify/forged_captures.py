"""Forged angles, and tables that follow from angles: quality, bodies, contexts."""

from __future__ import annotations

from tests.verify.forged_cycles import middle
from tests.verify.forger import Forger
from tests.verify.forgery import Change, Forgery, Registered

FORGERIES: list[Forgery] = []
forgery = Registered(FORGERIES)


def quality(**values: object) -> Change:
    return lambda forger: forger.rows("quality")[0].update(values)


def _clock_later(forger: Forger) -> None:
    forger.rows("quality")[0]["start_s"] += 1e-3


forgery("derived", "asymmetry")(quality(asymmetry_deg=0.5))
forgery("derived", "speed of the centre of mass")(quality(com_speed_m_s=0.01))
forgery("derived", "a concern invented")(quality(concerns=["the person is a robot"]))
forgery("derived", "share beyond the ranges")(
    quality(range_excess_share=0.5, range_excess_deg=9.0, range_excess_dof="knee_angle_r")
)
forgery("derived", "a clock that starts later")(_clock_later)
forgery("derived", "another exercise recognised")(quality(exercise_recognised=["burpee"]))
forgery("derived", "an exercise surer than it is")(quality(exercise_probability=[0.123]))
forgery("derived", "longest gap")(quality(longest_gap_s=3.5))
forgery("derived", "median confidence")(quality(confidence_median=0.999))


@forgery("derived", "nobody seen in any frame")
def _invalid(forger: Forger) -> None:
    forger.column("valid", lambda _: False)


@forgery("derived", "some frames without anybody")
def _some(forger: Forger) -> None:
    for row in forger.rows("kinematics")[20:40]:
        row["valid"] = False


@forgery("derived", "noise of frames or video zero")
def _sigmas(forger: Forger) -> None:
    for row in forger.rows("kinematics"):
        for name in row:
            if name.endswith("_sigma_rad") and row[name] is not None:
                row[name] = 0.0
    for video in forger.manifest["videos"].values():
        noise = video["kinematics"]["motion"]["sigma_rad"]
        noise.update(dict.fromkeys(noise, 0.0))


def root_moved(metres: float) -> Change:
    """Move the mid-hips sideways; where no place was measured, make one up before the camera."""

    def change(forger: Forger) -> None:
        for row in forger.rows("kinematics"):
            row["root_x_m"] = (row["root_x_m"] or 0.0) + metres
            row["root_y_m"] = row["root_y_m"] or 0.0
            row["root_z_m"] = row["root_z_m"] or 3.0

    return change


forgery("derived", "the root 100 m away")(root_moved(100.0))
forgery("derived", "the root 40 m to the side")(root_moved(40.0))


@forgery("derived", "angles of one joint turned by a turn")
def _turned(forger: Forger) -> None:
    forger.column("knee_angle_r_rad", lambda value: value + 6.2831855)


@forgery("derived", "angles scaled in a whole cycle")
def _scaled(forger: Forger) -> None:
    one = middle(forger)
    for row in forger.rows("kinematics"):
        inside = one["frame_start"] <= row["frame"] <= one["frame_end"]
        if row["video_id"] == one["video_id"] and inside:
            row["knee_angle_r_rad"] *= 1.1
            row["knee_angle_l_rad"] *= 1.1


@forgery("derived", "an angle that nobody observed")
def _unseen(forger: Forger) -> None:
    observed = next(iter(forger.manifest["videos"].values()))["kinematics"]["motion"]["observed"]
    if "head_twist" in observed:
        forger.manifest["videos"][forger.rows("kinematics")[0]["video_id"]]["kinematics"][
            "motion"
        ]["observed"].remove("head_twist")
    else:
        forger.column("head_twist_rad", lambda _: 0.2)


@forgery("derived", "confidence 1 everywhere")
def _sure(forger: Forger) -> None:
    forger.column("confidence", lambda _: 1.0)


@forgery("derived", "lengths of the body")
def _lengths(forger: Forger) -> None:
    row = forger.rows("morphometrics")[0]
    lengths = ("thigh", "shank", "foot", "trunk", "upper_arm", "forearm")
    row |= {"segment_source": "capture"} | {f"{name}_m": None for name in lengths}
    row |= {"thigh_ratio": 0.4, "shank_ratio": 0.3, "trunk_ratio": 0.3}
    row |= {"foot_ratio": 0.2, "upper_arm_ratio": 0.2, "forearm_ratio": 0.2}


@forgery("derived", "measures of a body that nobody measured")
def _body(forger: Forger) -> None:
    row = forger.rows("morphometrics")[0]
    row |= {"source": "none", "height_m": 1.8, "mass_kg": 80.0}
    row |= {"chest_m": 1.0, "waist_m": 0.9, "hip_m": 1.0}
    said = "Height 1.80 m, Mass 80.00 kg, Chest 1.00 m, Waist 0.90 m, Hips 1.00 m."
    for name in ("annotations", "contexts"):
        for one in forger.rows(name):
            if one["video_id"] == row["video_id"]:
                one["morphology_context"] = said


@forgery("contexts", "the number of cycles")
def _count(forger: Forger) -> None:
    for row in forger.rows("contexts"):
        row["cycle_count"] *= 2


@forgery("contexts", "the phase")
def _context_phase(forger: Forger) -> None:
    row = forger.one("contexts", lambda r: r["phase"] is not None)
    row["phase"] = "rest"


@forgery("contexts", "violations of the last cycle unsaid")
def _unsaid(forger: Forger) -> None:
    row = forger.one(
        "contexts",
        lambda r: "target" in r["motion_context"] and not r["is_refresh"],
    )
    row["motion_context"] = row["motion_context"].partition("Violations:")[0] + "Violations: none."
