//! A token and its place in the text.

/// A token and the bytes of the text it came from; 0 to 0 for those the template puts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Token {
    pub id: u32,
    pub start: u32,
    pub end: u32,
}
