"""How a container ends that cannot serve, or is told to stop before it does."""

import pytest

from tests.container.container import HARDENED, Container, docker

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("PORT=eighty", "PORT=eighty: must be a whole number"),
        ("DEVICE=abacus", "DEVICE=abacus: must be"),
        ("LOG_PROMPTS=perhaps", "LOG_PROMPTS=perhaps: must be"),
    ],
)
def test_a_wrong_setting_ends_it_with_2_and_says_which(
    image: str, setting: str, message: str
) -> None:
    with Container(image, *HARDENED, f"--env={setting}") as container:
        assert container.wait() == 2
        assert message in container.logs()


def test_a_model_that_is_not_there_ends_it_with_1_and_says_which(image: str) -> None:
    with Container(image, *HARDENED, "--env=MODEL_NAME=/model") as container:
        assert container.wait() == 1
        assert "MODEL_NAME=/model" in container.logs()


def test_until_the_model_is_loaded_it_is_not_healthy_and_can_be_stopped(image: str) -> None:
    """Loading is held up by a pipe in the place of the weights, which nobody writes to."""
    script = "mkdir /tmp/model && mkfifo /tmp/model/x.gguf && exec python -m llm_service.main"
    with Container(
        image, *HARDENED, "--env=MODEL_NAME=/tmp/model", command=("sh", "-c", script)
    ) as container:
        container.wait_for_log("reading x.gguf")
        check = container.execute("healthcheck")
        assert check.returncode == 1
        assert "NOT_SERVING" in check.stdout
        docker("stop", "--time=60", container.id)
        assert container.state()["ExitCode"] == 0, container.logs()
