//! Sorted values.

/// The value that so many percent are below.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * percent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(&mut values.into_iter().collect::<Vec<_>>(), 50)
}

/// The middle one, the least and the greatest, in words.
pub fn range(values: impl IntoIterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.into_iter().collect();
    let middle = percentile(&mut values, 50);
    match values.as_slice() {
        [least, .., greatest] => format!("{middle:.2} ({least:.2} to {greatest:.2})"),
        _ => format!("{middle:.2}"),
    }
}
