//! Brings a folder of the training kit into the product's form: `import_base FOLDER OUT`. The product's own `aios import` calls the same door.
use foundation::{Fault, Outcome};

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err(Fault::not_found("two arguments: a folder of the training kit, and a new folder"));
    };
    let made = forward::import::from_score_folder(folder, out)?;
    println!("{}: {} parameters, {} tensors, {} bytes", made.name, made.parameters, made.tensors, made.bytes);
    Ok(())
}
