//! When to order a certificate: at once where there is none, and when two thirds of its life are over. A plain value; told
//! the time in seconds since 1970.

use std::time::Duration;

/// After the first failure; doubled with each further one. Authorities limit how often a name may fail in an hour.
const FIRST_RETRY: Duration = Duration::from_secs(60);
const LAST_RETRY: Duration = Duration::from_secs(6 * 60 * 60);

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// `None`: now.
    due: Option<i64>,
    failures: u32,
}

impl Plan {
    /// How long to wait from now. `None`: it is time.
    pub(super) fn wait(&self, now: i64) -> Option<Duration> {
        let left = self.due?.saturating_sub(now);
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_secs)
    }

    /// There is a certificate with this life.
    pub(super) fn succeeded(&mut self, not_before: i64, not_after: i64) {
        let life = not_after.saturating_sub(not_before).max(0);
        *self = Self { due: Some(not_after.saturating_sub(life / 3)), failures: 0 };
    }

    /// Answers with the time until the next attempt.
    pub(super) fn failed(&mut self, now: i64) -> Duration {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(16)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.due = Some(now.saturating_add(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX)));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn a_certificate_is_renewed_while_a_third_of_its_life_is_left() {
        let mut plan = Plan::default();
        assert_eq!(plan.wait(0), None, "there is none yet");
        plan.succeeded(0, 90 * DAY);
        assert_eq!(plan.wait(59 * DAY), Some(Duration::from_secs(24 * 60 * 60)));
        assert_eq!(plan.wait(60 * DAY), None);
        plan.succeeded(0, 6 * DAY);
        assert_eq!(plan.wait(4 * DAY), None, "the short ones too");
    }

    #[test]
    fn failures_are_further_and_further_apart() {
        let mut plan = Plan::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = plan.failed(now);
            assert_eq!(plan.wait(now), Some(wait));
            now += i64::try_from(wait.as_secs()).unwrap();
            assert_eq!(plan.wait(now), None);
            waits.push(wait.as_secs() / 60);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
        plan.succeeded(0, 90 * DAY);
        assert_eq!(plan.failed(60 * DAY), FIRST_RETRY);
    }

    #[test]
    fn no_life_is_too_odd() {
        let mut plan = Plan::default();
        for (from, to) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0), (5, 3)] {
            plan.succeeded(from, to);
            plan.wait(i64::MIN);
            plan.wait(i64::MAX);
        }
    }
}
