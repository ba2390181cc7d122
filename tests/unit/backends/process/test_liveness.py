"""The watchdog's decision, with the clock in hand."""

from backends.process.liveness import Liveness, Verdict


def test_an_idle_engine_is_never_suspected():
    watch = Liveness(idle=60, patience=10)
    assert watch.verdict(1e9) is Verdict.FINE


def test_the_clock_starts_with_the_first_request():
    watch = Liveness(idle=60, patience=10)
    watch.began(1000)
    assert watch.verdict(1059) is Verdict.FINE
    assert watch.verdict(1060) is Verdict.PROBE


def test_a_later_request_is_no_progress():
    watch = Liveness(idle=60, patience=10)
    watch.began(0)
    watch.began(59)
    assert watch.verdict(60) is Verdict.PROBE


def test_silence_then_one_probe_then_death():
    watch = Liveness(idle=60, patience=10)
    watch.began(0)
    assert watch.verdict(60) is Verdict.PROBE
    assert watch.verdict(61) is Verdict.FINE
    assert watch.verdict(69.9) is Verdict.FINE
    assert watch.verdict(70) is Verdict.DEAD


def test_any_byte_clears_the_suspicion():
    watch = Liveness(idle=60, patience=10)
    watch.began(0)
    assert watch.verdict(60) is Verdict.PROBE
    watch.progressed(65)
    assert watch.verdict(124) is Verdict.FINE
    assert watch.verdict(125) is Verdict.PROBE


def test_the_end_of_the_last_request_clears_it_too():
    watch = Liveness(idle=60, patience=10)
    watch.began(0)
    watch.began(0)
    watch.ended(5)
    assert watch.verdict(60) is Verdict.PROBE
    watch.ended(61)
    watch.ended(61)
    assert watch.verdict(1e6) is Verdict.FINE
    watch.began(1e6)
    assert watch.in_flight == 1
    assert watch.verdict(1e6 + 59) is Verdict.FINE
