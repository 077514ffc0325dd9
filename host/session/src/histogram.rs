//! Durations by size.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts durations in buckets. To observe one takes two relaxed additions; it never waits and never allocates.
#[derive(Debug)]
pub struct Histogram<const BUCKETS: usize> {
    scale: &'static Scale<BUCKETS>,
    /// Of each bucket alone, not of those below it.
    counts: [AtomicU64; BUCKETS],
    beyond: AtomicU64,
    sum: AtomicU64,
}

/// The buckets of a histogram.
#[derive(Debug)]
pub struct Scale<const BUCKETS: usize> {
    /// How many of its units make a second.
    pub per_second: f64,
    /// The largest duration in each bucket, in these units, ascending.
    pub bounds: [u64; BUCKETS],
}

/// A histogram as it was at one moment, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The largest duration in each bucket and how many fell into that bucket alone; the last bucket has no bound.
    pub buckets: Vec<(f64, u64)>,
    /// All durations together.
    pub sum: f64,
}

impl<const BUCKETS: usize> Histogram<BUCKETS> {
    /// An empty one.
    pub fn new(scale: &'static Scale<BUCKETS>) -> Self {
        let counts = [const { AtomicU64::new(0) }; BUCKETS];
        Self { scale, counts, beyond: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a duration in the scale's units.
    pub fn observe(&self, duration: u64) {
        let bucket = self.scale.bounds.partition_point(|bound| *bound < duration);
        self.counts.get(bucket).unwrap_or(&self.beyond).fetch_add(1, Relaxed);
        self.sum.fetch_add(duration, Relaxed);
    }

    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum::<u64>() + self.beyond.load(Relaxed)
    }

    /// What it holds. What is being observed meanwhile may be in the buckets and not yet in the sum.
    pub fn read(&self) -> Reading {
        let Scale { per_second, bounds } = self.scale;
        let bounded = bounds.iter().zip(&self.counts);
        let mut buckets: Vec<(f64, u64)> =
            bounded.map(|(bound, count)| (*bound as f64 / per_second, count.load(Relaxed))).collect();
        buckets.push((f64::INFINITY, self.beyond.load(Relaxed)));
        Reading { buckets, sum: self.sum.load(Relaxed) as f64 / per_second }
    }
}

impl Reading {
    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static MILLISECONDS: Scale<3> = Scale { per_second: 1000.0, bounds: [1, 10, 1000] };

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_is_not_too_small() {
        let histogram = Histogram::new(&MILLISECONDS);
        for duration in [0, 1, 2, 10, 11, 1000, 1001, 5000] {
            histogram.observe(duration);
        }
        let reading = histogram.read();
        assert_eq!(reading.buckets, [(0.001, 2), (0.01, 2), (1.0, 2), (f64::INFINITY, 2)]);
        assert_eq!((reading.count(), histogram.count(), reading.sum), (8, 8, 7.025));
    }
}
