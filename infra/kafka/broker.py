"""A real Apache Kafka broker on this machine: one KRaft node on loopback, its jars fetched by Maven.

    python infra/kafka/broker.py start [--port 19092]     up, answering, and left running; prints its address
    python infra/kafka/broker.py stop
    python infra/kafka/broker.py jars                     only fetch what `start` needs

Needs Java 17 and, once, Maven. Nothing here is for production: there, topics have 64 partitions and three replicas.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
JARS = HERE / "jars"
DATA = HERE / "data"
START_SECONDS = 60.0


class BrokerImpossible(Exception):
    """This machine cannot run a broker; the message says what is missing."""


class Broker:
    """One broker in its own directory. `start` after `kill` continues with what is on disk."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.directory = directory
        self.port = port or _free_port()
        self._controller_port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> str:
        classpath = f"{jars()}/*"
        self.directory.mkdir(parents=True, exist_ok=True)
        data, properties = self.directory / "log", self.directory / "server.properties"
        if not (data / "meta.properties").exists():
            template = (HERE / "server.properties").read_text()
            filled = template.format(port=self.port, controller_port=self._controller_port, data=data)
            properties.write_text(filled)
            tool = ["java", "-cp", classpath, "kafka.tools.StorageTool"]
            cluster = subprocess.run([*tool, "random-uuid"], check=True, capture_output=True, text=True).stdout.strip()
            subprocess.run(
                [*tool, "format", "-t", cluster, "-c", str(properties), "--standalone"], check=True, capture_output=True
            )
        with open(self.directory / "broker.log", "ab") as output:
            self._process = subprocess.Popen(
                ["java", "-Xmx512m", "-cp", classpath, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not _accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                end = (self.directory / "broker.log").read_text(errors="replace")[-800:]
                raise BrokerImpossible(f"the broker does not start: {end}")
            time.sleep(0.05)
        return self.address

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def jars() -> Path:
    """The folder of the broker's jars, fetched by Maven when they are not there yet."""
    if shutil.which("java") is None:
        raise BrokerImpossible("there is no java on this machine")
    if not list(JARS.glob("kafka_2.13-*.jar")):
        if shutil.which("mvn") is None:
            raise BrokerImpossible(f"there are no jars in {JARS} and no mvn to fetch them")
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        fetched = subprocess.run([*command, f"-DoutputDirectory={JARS}"], capture_output=True, text=True, timeout=300)
        if fetched.returncode:
            raise BrokerImpossible(f"mvn could not fetch the jars: {fetched.stdout[-400:]}")
    return JARS


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("start", "stop", "jars"))
    parser.add_argument("--port", type=int, default=19092)
    options = parser.parse_args()
    pid_file = DATA / "broker.pid"
    if options.verb == "jars":
        try:
            print(jars())
        except (BrokerImpossible, subprocess.TimeoutExpired) as error:
            sys.exit(str(error))
    elif options.verb == "start":
        if _accepts(options.port):
            print(f"something answers on 127.0.0.1:{options.port} already")
            return
        try:
            broker = Broker(DATA, options.port)
            address = broker.start()
        except BrokerImpossible as error:
            sys.exit(str(error))
        pid_file.write_text(str(broker.pid))
        print(f"KAFKA_BOOTSTRAP_SERVERS={address}")
    elif pid_file.exists():
        pid = int(pid_file.read_text())
        pid_file.unlink()
        try:
            os.kill(pid, signal.SIGTERM)
            print(f"stopped {pid}")
        except ProcessLookupError:
            print("it was not running")
    else:
        print("it was not running")


if __name__ == "__main__":
    main()
