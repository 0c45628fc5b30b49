"""OpenSim's own StaticOptimization of the squats with measured forces, to compare with.

It takes tendons as rigid and leaves passive forces out. Reserves of 1 Nm on the legs and
residuals of 200 N or Nm on the pelvis are added to the model's own actuators.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

STEP = 5
"""Every n-th row of the motion is solved."""


def static_optimisation(
    model: Path, motion: Path, plates: Path, last_s: float, folder: Path
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return times and activations by muscle; `plates` holds filtered forces, right foot first."""
    import opensim

    opensim.Logger.setLevelString("error")
    scaled = opensim.Model(str(model))
    scaled.initSystem()
    with_actuator = set()
    for i in range(scaled.getForceSet().getSize()):
        own = opensim.CoordinateActuator.safeDownCast(scaled.getForceSet().get(i))
        if own is not None:
            with_actuator.add(own.getCoordinate().getName())
    coordinates = scaled.getCoordinateSet()
    for name in (coordinates.get(i).getName() for i in range(coordinates.getSize())):
        if name in with_actuator or name.endswith("_beta"):
            continue
        reserve = opensim.CoordinateActuator(name)
        reserve.setName(f"reserve_{name}")
        reserve.setOptimalForce(200.0 if name.startswith("pelvis") else 1.0)
        reserve.setMinControl(-1e4)
        reserve.setMaxControl(1e4)
        scaled.addForce(reserve)
    scaled.finalizeConnections()
    scaled.printToXML(str(folder / "model.osim"))
    loads = opensim.ExternalLoads()
    loads.setDataFileName(str(plates))
    for number, body in ((1, "calcn_r"), (2, "calcn_l")):
        one = opensim.ExternalForce()
        one.setName(f"plate_{number}")
        one.set_applied_to_body(body)
        one.set_force_expressed_in_body("ground")
        one.set_point_expressed_in_body("ground")
        one.set_force_identifier(f"ground_force_{number}_v")
        one.set_point_identifier(f"ground_force_{number}_p")
        one.set_torque_identifier(f"ground_force_{number}_m")
        loads.cloneAndAppend(one)
    loads.printToXML(str(folder / "loads.xml"))
    _analyse(opensim, motion, last_s, folder)
    text = (folder / "so_StaticOptimization_activation.sto").read_text(encoding="utf-8")
    names, *rows = text.split("endheader\n")[1].splitlines()
    table = np.array([row.split() for row in rows if row.strip()], dtype=np.float64)
    columns = dict(zip(names.split("\t"), table.T, strict=True))
    return columns.pop("time"), columns


def _analyse(opensim, motion: Path, last_s: float, folder: Path) -> None:
    optimisation = opensim.StaticOptimization()
    optimisation.setStartTime(0.0)
    optimisation.setEndTime(last_s)
    optimisation.setStepInterval(STEP)
    optimisation.setUseModelForceSet(True)
    optimisation.setActivationExponent(2)
    optimisation.setUseMusclePhysiology(True)
    tool = opensim.AnalyzeTool()
    tool.setName("so")
    tool.setModelFilename(str(folder / "model.osim"))
    tool.setCoordinatesFileName(str(motion))
    tool.setLowpassCutoffFrequency(6.0)
    tool.setExternalLoadsFileName(str(folder / "loads.xml"))
    tool.setInitialTime(0.0)
    tool.setFinalTime(last_s)
    tool.setResultsDir(str(folder))
    tool.setReplaceForceSet(False)
    tool.setSolveForEquilibrium(False)
    tool.getAnalysisSet().cloneAndAppend(optimisation)
    tool.printToXML(str(folder / "setup.xml"))
    opensim.AnalyzeTool(str(folder / "setup.xml")).run()
