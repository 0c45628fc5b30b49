"""Findings made by hand, for the tests of this room."""

from __future__ import annotations

from typing import Any

from qevd_bio.motion.constraints import Finding

_KNEE: dict[str, Any] = {
    "constraint_id": "depth",
    "measure": "knee_flexion",
    "joint": "knee",
    "side": None,
    "check": "dynamic",
    "phase": "bottom",
    "key_frame": 30,
    "key_s": 1.0,
    "measured": 85.0,
    "target_low": 90.0,
    "target_high": 90.0,
    "unit": "deg",
    "tolerance": 2.0,
    "sigma": 1.0,
    "guard": 1.0,
    "priority": "high",
    "status": "measured",
    "reason": "",
    "instruction": "Increase knee flexion",
}


def finding(**changes: Any) -> Finding:
    """A squat's shallow knee with changes; deviation, violation and severity follow from them."""
    given = {**_KNEE, **changes}
    measured, low, high = given["measured"], given["target_low"], given["target_high"]
    if measured is None:
        deviation = None
    elif low is not None and measured < low:
        deviation = measured - low
    elif high is not None and measured > high:
        deviation = measured - high
    else:
        deviation = 0.0
    slack = given["tolerance"] + given["guard"] * given["sigma"]
    violated = given["status"] == "measured" and deviation is not None and abs(deviation) > slack
    severity = (abs(deviation) - given["tolerance"]) / (given["tolerance"] or 1) if violated else 0
    derived = {"deviation": deviation, "violated": violated, "severity": severity}
    return Finding(**{**given, **derived})


def still(measure: str, joint: str, measured: float, instruction: str, **changes: Any) -> Finding:
    """A static check against the supplement's 5 degrees."""
    return finding(
        **{
            "constraint_id": f"{joint}_still",
            "measure": measure,
            "joint": joint,
            "check": "static",
            "phase": "",
            "measured": measured,
            "target_low": 0.0,
            "target_high": 5.0,
            "tolerance": 0.0,
            "instruction": instruction,
            **changes,
        }
    )


def lean(measured: float, **changes: Any) -> Finding:
    """A trunk's forward lean against at most 15 degrees from vertical."""
    return finding(
        **{
            "constraint_id": "lean",
            "measure": "trunk_forward_lean",
            "joint": "trunk",
            "measured": measured,
            "target_low": -10.0,
            "target_high": 15.0,
            "instruction": "Reduce trunk forward lean; keep the torso upright",
            **changes,
        }
    )


def hip(measured: float, **changes: Any) -> Finding:
    return finding(
        **{
            "constraint_id": "hip_depth",
            "measure": "hip_flexion",
            "joint": "hip",
            "measured": measured,
            "target_low": 90.0,
            "target_high": 120.0,
            "tolerance": 10.0,
            "instruction": "Increase hip flexion" if measured < 90 else "Reduce hip flexion",
            **changes,
        }
    )


def knee(measured: float, side: str | None = None, **changes: Any) -> Finding:
    return finding(
        **{
            "measure": f"knee_flexion_{side}" if side else "knee_flexion",
            "side": side,
            "measured": measured,
            "target_low": 90.0,
            "target_high": 120.0,
            "tolerance": 3.0,
            "instruction": "Increase knee flexion" if measured < 90 else "Reduce knee flexion",
            **changes,
        }
    )


def uneven(measured: float, side: str = "r", **changes: Any) -> Finding:
    """A knee against the other: at most 10 degrees less."""
    return finding(
        **{
            "constraint_id": "depth_even",
            "measure": "knee_flexion",
            "side": side,
            "check": "symmetry",
            "measured": measured,
            "target_low": -10.0,
            "target_high": 0.0,
            "tolerance": 5.0,
            "instruction": "Bend the knee as far as the other",
            **changes,
        }
    )
