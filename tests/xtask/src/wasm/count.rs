//! Makes a module count the operators it executes: each run of them adds its length to a global.
//!
//! wasmi's fuel would not do: a loop is charged for every branch in it, taken or not. A
//! `memory.copy` or `memory.fill` counts as one operator, however long.

use anyhow::{Context, Result};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction,
    Module, ValType,
};
use wasmparser::{ExportSectionReader, FunctionBody, GlobalSectionReader, Operator, Parser};

/// The exported global that holds the count.
pub const COUNT: &str = "executed";

/// The same module, counting.
pub fn counting(module: &[u8]) -> Result<Vec<u8>> {
    let mut counted = Module::new();
    Counter::default()
        .parse_core_module(&mut counted, Parser::new(0), module)
        .context("the module cannot be made to count")?;
    Ok(counted.finish())
}

#[derive(Default)]
struct Counter {
    /// The global that counts; modules of ours have one of their own before it.
    global: Option<u32>,
}

type Reencoded = Result<(), reencode::Error>;

impl Reencode for Counter {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_global_section(self, globals, section)?;
        self.global = Some(globals.len());
        let kind = GlobalType {
            val_type: ValType::I64,
            mutable: true,
            shared: false,
        };
        globals.global(kind, &ConstExpr::i64_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Reencoded {
        utils::parse_export_section(self, exports, section)?;
        if let Some(global) = self.global {
            exports.export(COUNT, ExportKind::Global, global);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Reencoded {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let operators: Vec<Operator<'_>> = body
            .get_operators_reader()?
            .into_iter()
            .collect::<Result<_, _>>()?;
        // A run is executed from its first operator to its last.
        for run in operators.split_inclusive(ends_run) {
            let count = run.iter().filter(|operator| counts(operator)).count();
            if let (Some(global), 1..) = (self.global, count) {
                function.instruction(&Instruction::GlobalGet(global));
                function.instruction(&Instruction::I64Const(count as i64));
                function.instruction(&Instruction::I64Add);
                function.instruction(&Instruction::GlobalSet(global));
            }
            for operator in run {
                function.instruction(&self.instruction(operator.clone())?);
            }
        }
        code.function(&function);
        Ok(())
    }
}

/// Whether what follows may be executed more often or less than this.
fn ends_run(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
    )
}

/// Whether engines make an instruction of it: not of what only says where branches go and where
/// operands come from.
fn counts(operator: &Operator<'_>) -> bool {
    !matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::Else
            | Operator::End
            | Operator::Nop
            | Operator::Drop
            | Operator::LocalGet { .. }
            | Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
    )
}
