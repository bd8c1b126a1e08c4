#![no_std]
#![deny(unsafe_code)]

pub mod text;
