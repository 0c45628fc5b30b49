"""Made squats are such that a body can do them: the model itself is the judge."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.muscles.contact import soles
from qevd_bio.muscles.simulate import Options
from qevd_bio.synthetic.labelled_motions import NO_POSE, OUT_OF_RANGE, UNBELIEVED, label_motions
from qevd_bio.synthetic.squats import RANGES, random_squat, random_style
from qevd_bio.synthetic.standing import FEET, Footing, Wanted, stance_of, stand
from qevd_bio.synthetic.there_and_back import performed
from tests.muscles.models import opened
from tests.synthetic.made_motions import FOOT_M, steady_squat

STYLE = steady_squat(95.0, 30.0, shift_m=0.06)


@pytest.fixture(scope="module")
def body(shared_data):
    return opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")


@pytest.fixture(scope="module")
def made(body):
    found = performed(body, FOOT_M, STYLE)
    assert found is not None and found.seat_m is None
    return found.q, found.time_s


def column(body, q, name):
    return q[:, body.coordinates.index(name)]


def test_styles_are_drawn_from_their_ranges_and_half_of_them_are_symmetric() -> None:
    styles = [random_style(np.random.default_rng(seed), 1.0) for seed in range(200)]
    low, high = RANGES["depth_deg"]
    assert all(low <= one.knees_deg[1] <= high for one in styles)
    shifts = np.abs([one.shift_m[1] for one in styles])
    assert shifts.max() > 0.09 and 0.35 < (shifts <= 0.0101).mean() < 0.75
    small = random_style(np.random.default_rng(3), 0.9).footing
    own = random_style(np.random.default_rng(3), 1.0).footing
    assert small.width_m == pytest.approx(0.9 * own.width_m)


@pytest.mark.data
def test_the_feet_stay_on_the_floor(body, made) -> None:
    q, _ = made
    at = body.places(q, soles(FOOT_M).bodies)
    assert np.abs(at.origins_m - at.origins_m[0]).max() < 1e-3
    assert np.abs(at.turns - at.turns[0]).max() < 0.01


@pytest.mark.data
def test_the_weight_is_where_it_was_asked_for(body, made) -> None:
    q, _ = made
    at = body.places(q, FEET)
    heel = at.origins_m[0, :, 0].mean()
    share = (at.centre_m[:, 0] - heel) / (FOOT_M[0] * np.cos(np.deg2rad(15.0)))
    assert np.allclose(share, 0.5, atol=0.01)
    middle = at.origins_m[0, :, 2].mean()
    assert at.centre_m[:, 2].max() - middle == pytest.approx(0.06, abs=1e-3)


@pytest.mark.data
def test_depth_and_tempo_are_those_of_the_style(body, made) -> None:
    q, time_s = made
    knees = np.rad2deg((column(body, q, "knee_angle_r") + column(body, q, "knee_angle_l")) / 2)
    assert knees.max() == pytest.approx(95.0, abs=0.1)
    assert knees[[0, -1]] == pytest.approx([5.0, 5.0], abs=0.1)
    deep = np.flatnonzero(knees > 94.9)
    assert time_s[deep[-1]] - time_s[deep[0]] == pytest.approx(STYLE.tempo.pause_s, abs=0.4)
    until_s = 0.7 + STYLE.tempo.down_s + STYLE.tempo.pause_s + STYLE.tempo.up_s
    assert time_s[-1] == pytest.approx(until_s, abs=1 / 60)


@pytest.mark.data
def test_who_shifts_to_the_right_bends_the_joints_unlike(body, made) -> None:
    q, _ = made
    apart = column(body, q, "hip_adduction_r") - column(body, q, "hip_adduction_l")
    assert np.rad2deg(np.abs(apart).max()) > 5.0


@pytest.mark.data
def test_no_pose_where_there_is_none(body) -> None:
    stance = stance_of(body, FOOT_M, Footing(2.2, 0.0, (0.0, 0.0)))
    start = np.zeros(len(body.coordinates))
    start[body.coordinates.index("pelvis_ty")] = 0.95
    heel = stance.origins_m[:, 0].mean()
    assert stand(body, start, stance, Wanted(0.1, np.array([heel + 0.08, 0.0]))) is None


@pytest.mark.data
@pytest.mark.slow
def test_accepted_squats_can_be_believed_and_rejected_ones_are_counted(shared_data, fits) -> None:
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    pytest.importorskip("daqp")
    from qevd_bio.muscles.prepared import prepare

    model = prepare(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim", fits)
    found = label_motions([model], random_squat, 2, (7,), Options(1.0, every=6))
    assert set(found.motion) == {0, 1}
    assert set(found.rejected) <= {NO_POSE, OUT_OF_RANGE, UNBELIEVED}
    assert found.activations.shape == (len(found.q), 80)
    vasti = found.activations[:, model.body.muscles.index("vaslat_r")]
    knee = found.q[:, model.body.coordinates.index("knee_angle_r")]
    assert np.corrcoef(vasti, knee)[0, 1] > 0.5
    again = label_motions([model], random_squat, 1, (7,), Options(1.0, every=6))
    first = found.activations[found.motion == 0]
    assert again.activations.tobytes() == first.tobytes()
