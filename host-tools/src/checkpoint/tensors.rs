//! The tensors of a checkpoint by name, whichever file they lie in.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    rc::Rc,
};

use half::{bf16, f16};
use pytorch_reader::PytorchReader;
use safetensors::SafeTensors;
use serde::Deserialize;

use super::{
    CheckpointError,
    config::{malformed, read_json},
    error::Shape,
};
use crate::mapped::MappedFile;

/// Every tensor of a checkpoint; nothing is read until asked for.
pub(super) struct Tensors {
    /// The file to name when a tensor is missing: the only one, or the index of shards.
    pub path: PathBuf,
    by_name: BTreeMap<String, Tensor>,
}

struct Tensor {
    path: Rc<Path>,
    shape: Vec<usize>,
    element: Element,
    bytes: Bytes,
}

#[derive(Clone, Copy)]
enum Element {
    F64,
    F32,
    F16,
    Bf16,
    Other(&'static str),
}

enum Bytes {
    Mapped {
        file: Rc<MappedFile>,
        range: Range<usize>,
    },
    Pickled(pytorch_reader::Tensor),
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl Tensors {
    /// Opens the weights of a folder; safetensors come first where both kinds are there.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        type Reader = fn(&Path, &mut BTreeMap<String, Tensor>) -> Result<(), CheckpointError>;
        let kinds: [(&str, Reader); 2] = [
            ("model.safetensors", read_safetensors),
            ("pytorch_model.bin", read_pickle),
        ];
        for (name, read) in kinds {
            let mut by_name = BTreeMap::new();
            let whole = folder.join(name);
            if whole.exists() {
                read(&whole, &mut by_name)?;
                return Ok(Self {
                    path: whole,
                    by_name,
                });
            }
            let index = folder.join(format!("{name}.index.json"));
            if index.exists() {
                let ShardIndex { weight_map } = read_json(&index)?;
                let mut shards: Vec<&String> = weight_map.values().collect();
                shards.sort();
                shards.dedup();
                for shard in shards {
                    read(&folder.join(shard), &mut by_name)?;
                }
                return Ok(Self {
                    path: index,
                    by_name,
                });
            }
        }
        Err(CheckpointError::NoWeights {
            path: folder.into(),
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.by_name.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The values of a tensor, row-major.
    ///
    /// # Errors
    /// When it is missing, or its shape differs from `expected`, or a value is not finite.
    pub fn read(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let tensor = self
            .by_name
            .get(name)
            .ok_or_else(|| self.missing(name, expected, ""))?;
        if tensor.shape != expected {
            return Err(CheckpointError::TensorShape {
                path: tensor.path.to_path_buf(),
                name: name.into(),
                found: Shape(tensor.shape.clone()),
                expected: Shape(expected.to_vec()),
            });
        }
        let values = tensor.values(name)?;
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(CheckpointError::NotFinite {
                path: tensor.path.to_path_buf(),
                name: name.into(),
                index,
            });
        }
        Ok(values)
    }

    pub fn missing(&self, name: &str, expected: &[usize], advice: &str) -> CheckpointError {
        CheckpointError::MissingTensor {
            path: self.path.clone(),
            name: name.into(),
            expected: Shape(expected.to_vec()),
            advice: advice.into(),
        }
    }
}

impl Tensor {
    fn values(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let decode = |bytes: &[u8]| -> Result<Vec<f32>, CheckpointError> {
            match self.element {
                Element::F64 => Ok(decode(bytes, |b| f64::from_le_bytes(b) as f32)),
                Element::F32 => Ok(decode(bytes, f32::from_le_bytes)),
                Element::F16 => Ok(decode(bytes, |b| f16::from_le_bytes(b).to_f32())),
                Element::Bf16 => Ok(decode(bytes, |b| bf16::from_le_bytes(b).to_f32())),
                Element::Other(found) => Err(CheckpointError::TensorType {
                    path: self.path.to_path_buf(),
                    name: name.into(),
                    found: found.into(),
                }),
            }
        };
        match &self.bytes {
            Bytes::Mapped { file, range } => decode(&file[range.clone()]),
            Bytes::Pickled(tensor) => {
                let bytes = tensor.read().map_err(|source| CheckpointError::Io {
                    path: self.path.to_path_buf(),
                    source,
                })?;
                decode(&bytes)
            }
        }
    }
}

fn decode<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements.iter().map(|bytes| value(*bytes)).collect()
}

fn read_safetensors(
    path: &Path,
    by_name: &mut BTreeMap<String, Tensor>,
) -> Result<(), CheckpointError> {
    use safetensors::Dtype;

    let file = Rc::new(
        MappedFile::open(path).map_err(|source| CheckpointError::Io {
            path: path.into(),
            source,
        })?,
    );
    let (header, metadata) =
        SafeTensors::read_metadata(&file).map_err(|error| malformed(path, error))?;
    // The header is preceded by its length, a u64; offsets count from its end.
    let start = size_of::<u64>() + header;
    let path: Rc<Path> = path.into();
    for (name, info) in metadata.tensors() {
        let tensor = Tensor {
            path: path.clone(),
            shape: info.shape.clone(),
            element: match info.dtype {
                Dtype::F64 => Element::F64,
                Dtype::F32 => Element::F32,
                Dtype::F16 => Element::F16,
                Dtype::BF16 => Element::Bf16,
                Dtype::I64 | Dtype::I32 | Dtype::I16 | Dtype::I8 => {
                    Element::Other("signed integer")
                }
                Dtype::U64 | Dtype::U32 | Dtype::U16 | Dtype::U8 => {
                    Element::Other("unsigned integer")
                }
                Dtype::BOOL => Element::Other("boolean"),
                _ => Element::Other("narrow float"),
            },
            bytes: Bytes::Mapped {
                file: file.clone(),
                range: start + info.data_offsets.0..start + info.data_offsets.1,
            },
        };
        by_name.insert(name, tensor);
    }
    Ok(())
}

fn read_pickle(path: &Path, by_name: &mut BTreeMap<String, Tensor>) -> Result<(), CheckpointError> {
    use pytorch_reader::DType;

    let reader = PytorchReader::new(path).map_err(|error| malformed(path, error))?;
    let path: Rc<Path> = path.into();
    for (name, tensor) in reader.into_tensors() {
        let tensor = Tensor {
            path: path.clone(),
            shape: tensor.shape().to_vec(),
            element: match tensor.dtype() {
                DType::F64 => Element::F64,
                DType::F32 => Element::F32,
                DType::F16 => Element::F16,
                DType::BF16 => Element::Bf16,
                DType::I64 | DType::I32 | DType::I16 | DType::I8 => {
                    Element::Other("signed integer")
                }
                DType::U64 | DType::U32 | DType::U16 | DType::U8 => {
                    Element::Other("unsigned integer")
                }
                DType::Bool => Element::Other("boolean"),
            },
            bytes: Bytes::Pickled(tensor),
        };
        by_name.insert(name, tensor);
    }
    Ok(())
}
