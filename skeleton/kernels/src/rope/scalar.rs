//! The truth of rotation.

#[inline(always)]
pub(super) fn apply(x: &mut [f32], heads: usize, head_size: usize, cos: &[f32], sin: &[f32]) {
    let half = head_size / 2;
    let tables = cos.chunks_exact(half).zip(sin.chunks_exact(half));
    for (row, (cos, sin)) in x.chunks_exact_mut(heads * head_size).zip(tables) {
        for head in row.chunks_exact_mut(head_size) {
            let (first, second) = head.split_at_mut(half);
            for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}
