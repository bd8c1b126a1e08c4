//! `embert analyze` for every board.

use anyhow::Result;
use embert::{HeadKind, Model, Pooling, Shape};
use embert_tests::synthetic::{self, Wildness};
use embert_tools::analyze::Analysis;
use embert_tools::analyze::boards::BOARDS;

const SHAPE: Shape = Shape {
    layers: 3,
    hidden: 192,
    heads: 6,
    intermediate: 576,
    vocabulary: 100,
    rank: 0,
    token_labels: 0,
    iob2: false,
    positions: 128,
    segments: 2,
    // No channel is padding, so that multiply-accumulates are those of the formula.
    labels: 16,
    head: HeadKind::TokenClassification,
    pooling: Pooling::Cls,
    has_int4: false,
    has_pooler: false,
};

#[test]
fn every_board_can_be_analyzed() -> Result<()> {
    let synthetic = synthetic::blob(&SHAPE, 0, 0, 1, Wildness::Tame);
    let model = Model::parse(&synthetic.blob)?;
    for board in BOARDS {
        let analysis = Analysis::new(&model, board, 16)?;
        let Analysis { text, parts, .. } = &analysis;
        assert_eq!(text.macs, SHAPE.macs(16), "{}", board.name);
        assert!(text.milliseconds > 0.0);
        assert_eq!(parts.len(), 3 + 2 * SHAPE.layers);
        let used = |step: &embert_tools::analyze::Step| {
            step.regions
                .iter()
                .map(|region| region.bytes)
                .sum::<usize>()
        };
        let most = analysis.sram.steps.iter().map(used).max();
        assert_eq!(most, Some(analysis.sram.scratch), "{}", board.name);
    }
    Ok(())
}
