//! Enums whose values have names: the same in JSON, in its schema, on the command line and in docs.

/// Makes an enum of which each value has a name and says what it means. It has `ALL` and `name`; in JSON it
/// is its name, and in the JSON Schema a list of names with their meanings.
macro_rules! named {
    (
        $(#[$about:meta])*
        pub enum $Name:ident $(, default $Default:ident)? {
            $( $(#[doc = $meaning:literal])+ $Value:ident = $name:literal, )+
        }
    ) => {
        $(#[$about])*
        pub enum $Name { $( $(#[doc = $meaning])+ $Value, )+ }

        impl $Name {
            /// All of them, in the order of reports.
            pub const ALL: [$Name; [$($Name::$Value),+].len()] = [$(Self::$Value),+];

            /// Returns the name, as in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Value => $name),+ }
            }

            /// Returns the value of a name; `None` for no such name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.name() == name)
            }
        }

        $(
            impl Default for $Name {
                fn default() -> Self {
                    Self::$Default
                }
            }
        )?

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<str>::deserialize(from)?;
                Self::named(&name).ok_or_else(|| {
                    serde::de::Error::unknown_variant(&name, &[$($name),+])
                })
            }
        }

        impl schemars::JsonSchema for $Name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($Name).into()
            }

            // Two of one name in different modules are not the same.
            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($Name)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "oneOf": [$({ "const": $name, "description": concat!($($meaning),+).trim() }),+],
                })
            }
        }
    };
}

pub(crate) use named;
