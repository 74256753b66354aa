//! Lists the tensors of a file of weights, checks them, and takes them to Parquet and back. Run with
//! `cargo run --release -p aios-weights --example look_inside -- brain/pretrained/base/weights.arrow`.
use foundation::{Fault, Outcome};
use weights::{Weights, parquet};

fn main() -> Outcome<()> {
    let path = std::env::args().nth(1).ok_or_else(|| Fault::not_found("the path of a file of weights"))?;
    let weights = Weights::open(&path)?;
    println!("{path}: {} tensors, {} bytes, {:?}", weights.len(), weights.len_bytes(), weights.metadata());
    for tensor in weights.tensors().take(12) {
        println!("{:16} {:14} {:?}, {} bytes", tensor.name, tensor.scheme, tensor.shape, tensor.packed.len());
    }
    weights.verify()?;
    let folder = std::env::temp_dir();
    let (table, back) = (folder.join("look_inside.parquet"), folder.join("look_inside.arrow"));
    let bytes = parquet::write(&weights, &table)?;
    let again = parquet::read(&table)?.write(&back)?;
    println!("as Parquet {bytes} bytes; back again {again}");
    for path in [table, back] {
        std::fs::remove_file(&path).map_err(|error| Fault::io(&path, error))?;
    }
    Ok(())
}
