//! A panic deep inside never reaches the interpreter: it becomes a `Bug` with an id.
#[path = "../src/caught.rs"]
mod caught;

use caught::caught;
use foundation::{Fault, Outcome};

fn element(numbers: &[u32], index: usize) -> u32 {
    numbers[index]
}

fn what(outcome: Outcome<u32>) -> String {
    match outcome {
        Err(Fault::Bug { what }) => what,
        other => format!("not a bug: {other:?}"),
    }
}

#[test]
fn an_index_outside_of_its_slice_is_a_bug_with_an_id() {
    let numbers = vec![1, 2, 3];
    let (first, second) = (what(caught(|| Ok(element(&numbers, 7)))), what(caught(|| Ok(element(&numbers, 7)))));
    assert!(first.contains("index is 7") && first.contains("internal error "), "{first}");
    assert_ne!(first, second, "each has its own id");
}

#[test]
fn a_panic_without_words_is_a_bug_too() {
    assert!(what(caught(|| std::panic::panic_any(3))).contains("without words"));
}

#[test]
fn what_does_not_panic_passes_as_it_is() {
    assert!(matches!(caught(|| Ok(5)), Ok(5)));
    assert!(matches!(caught::<u32>(|| Err(Fault::Cancelled)), Err(Fault::Cancelled)));
}
