//! What peers take for the same work.
//!
//! CMSIS-NN 1.4 (`arm_nn_mat_mult_nt_t_s8` and `arm_softmax_s8`, gcc 12.2 -Ofast) in the same
//! QEMU, over the same shapes: the least and the most.

use super::Row;

/// Instructions per multiply-accumulate or element of a peer, and its name.
pub fn peer(row: &Row) -> Option<&'static str> {
    let (machine, _) = row.target.split_once(' ')?;
    Some(match (machine, row.what.as_str()) {
        ("mps2-an386" | "mps2-an505", "Linear") => "CMSIS-NN 1.52-1.76",
        ("mps2-an500", "Linear") => "CMSIS-NN 1.49-1.73",
        ("mps3-an547", "Linear") => "CMSIS-NN 0.20-0.28",
        ("mps2-an386" | "mps2-an500" | "mps2-an505" | "mps3-an547", "Softmax") => {
            "CMSIS-NN 232-246"
        }
        _ => return None,
    })
}
