//! A value that is already JSON text.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A `T` as JSON text: written once, served many times. Blocks are final, so their JSON never changes.
#[derive(Debug)]
pub struct Json<T> {
    text: Arc<RawValue>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        Self { text: Arc::clone(&self.text), value: PhantomData }
    }
}

impl<T> Json<T> {
    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.get()
    }
}

impl<T: Serialize> Json<T> {
    /// Writes `value`.
    ///
    /// # Errors
    /// As the value's own serialisation; none of this crate's types fails.
    pub fn new(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self { text: serde_json::value::to_raw_value(value)?.into(), value: PhantomData })
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// Reads the text.
    ///
    /// # Errors
    /// The text is JSON, but not a `T`.
    pub fn decode(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text.get())
    }
}

impl<T> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: Box::<RawValue>::deserialize(deserializer)?.into(), value: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_passes_through_unchanged() {
        let json: Option<Json<Vec<u8>>> = serde_json::from_str("[1, 2,3]").unwrap();
        let json = json.unwrap();
        assert_eq!(json.decode().unwrap(), vec![1, 2, 3]);
        assert_eq!(serde_json::to_string(&Some(&json)).unwrap(), "[1, 2,3]");
        assert_eq!(Json::new(&vec![1u8]).unwrap().text(), "[1]");
        assert!(serde_json::from_str::<Json<String>>("7").unwrap().decode().is_err());
    }
}
