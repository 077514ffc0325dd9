pub fn lengths() -> anyhow::Result<(usize, usize)> {
    Ok((130, 330))
}
