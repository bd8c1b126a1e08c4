//! Writes the trees of a vocabulary: see `core/src/text/trie.rs`.

use std::collections::{BTreeMap, HashMap};

/// Codes of bytes are less than this; 0 says that the byte itself follows.
const CODES: usize = 32;

const ENDS: u8 = 0x20;
const LAST: u8 = 0x40;
const PARENT: u8 = 0x80;

/// Where a child that is not there begins.
const NOWHERE: usize = (1 << 24) - 1;

/// A tree under construction. Node 0 is the root; a node has a larger index than its parent.
pub struct Tree {
    nodes: Vec<Node>,
    children: HashMap<(usize, u8), usize>,
}

#[derive(Clone, Default)]
struct Node {
    byte: u8,
    children: Vec<usize>,
    /// The id of the string that ends here.
    id: Option<u32>,
    /// How often texts are thought to come by, of themselves or for a descendant.
    weight: u64,
    /// Strings that end here or below.
    strings: usize,
    /// What the descendants take.
    bytes: usize,
}

/// A tree as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub bytes: Vec<u8>,
    /// The ids of its strings by their ranks.
    pub ids: Vec<u32>,
}

impl Tree {
    /// Of strings with their ids; of equal ones the last counts. Vocabularies are learnt the most
    /// frequent piece first, so a string of a low id is looked for first.
    pub fn new<'s>(strings: impl IntoIterator<Item = (&'s str, u32)>) -> Self {
        let mut tree = Self {
            nodes: vec![Node::default()],
            children: HashMap::new(),
        };
        for (string, id) in strings {
            let node = string
                .bytes()
                .fold(0, |parent, byte| tree.child(parent, byte));
            tree.nodes[node].id = Some(id);
            // Zipf's law.
            tree.nodes[node].weight = (1 << 32) / (u64::from(id) + 1);
        }
        tree
    }

    fn child(&mut self, parent: usize, byte: u8) -> usize {
        let next = self.nodes.len();
        let child = *self.children.entry((parent, byte)).or_insert(next);
        if child == next {
            self.nodes[parent].children.push(next);
            self.nodes.push(Node {
                byte,
                ..Node::default()
            });
        }
        child
    }

    /// Writes the tree, the siblings looked for most in front.
    pub fn store(mut self, labels: &Labels) -> Stored {
        // Children before their parents.
        for index in (0..self.nodes.len()).rev() {
            let mut node = std::mem::take(&mut self.nodes[index]);
            let weight = |child: &usize| std::cmp::Reverse(self.nodes[*child].weight);
            node.children.sort_by_key(weight);
            node.strings = usize::from(node.id.is_some());
            for &child in &node.children {
                let last = node.children.last() == Some(&child);
                let child = &self.nodes[child];
                node.weight += child.weight;
                node.strings += child.strings;
                node.bytes += child.fields(labels, last).len() + child.bytes;
            }
            self.nodes[index] = node;
        }
        let mut root: BTreeMap<u8, [usize; 2]> = BTreeMap::new();
        let (mut nodes, mut ids) = (Vec::new(), Vec::new());
        let mut left: Vec<(usize, bool)> = self.nodes[0].stacked().collect();
        while let Some((index, last)) = left.pop() {
            let node = &self.nodes[index];
            if self.nodes[0].children.contains(&index) {
                root.insert(node.byte, [ids.len(), nodes.len()]);
            }
            nodes.extend(node.fields(labels, last));
            ids.extend(node.id);
            left.extend(node.stacked());
        }
        let mut bytes = table(&root);
        bytes.extend(nodes);
        Stored { bytes, ids }
    }
}

/// The root's table: strings before each child, and where it begins.
fn table(root: &BTreeMap<u8, [usize; 2]>) -> Vec<u8> {
    let (Some((&first, _)), Some((&last, _))) = (root.first_key_value(), root.last_key_value())
    else {
        return Vec::new();
    };
    let mut table = vec![first, last];
    for byte in first..=last {
        for number in root.get(&byte).unwrap_or(&[0, NOWHERE]) {
            table.extend(&number.to_le_bytes()[..3]);
        }
    }
    table
}

impl Node {
    /// The children and whether they are the last, the first of them on top.
    fn stacked(&self) -> impl Iterator<Item = (usize, bool)> {
        let last = self.children.last();
        let children = self.children.iter().rev();
        children.map(move |child| (*child, Some(child) == last))
    }

    /// What is stored for the node itself.
    fn fields(&self, labels: &Labels, last: bool) -> Vec<u8> {
        let code = labels.code(self.byte);
        let parent = !self.children.is_empty();
        let mut fields = vec![code];
        for (set, bit) in [(self.id.is_some(), ENDS), (last, LAST), (parent, PARENT)] {
            fields[0] |= if set { bit } else { 0 };
        }
        if code == 0 {
            fields.push(self.byte);
        }
        if parent && !last {
            let strings = self.strings - usize::from(self.id.is_some());
            if strings < 8 && self.bytes < 32 {
                fields.push((strings << 5 | self.bytes) as u8);
            } else {
                let [s0, s1, s2, _] = (strings as u32).to_le_bytes();
                let [b0, b1, b2, _] = (self.bytes as u32).to_le_bytes();
                fields.extend([s2, s0, s1, b0, b1, b2]);
            }
        }
        fields
    }
}

/// The bytes that have codes: those of most nodes.
pub struct Labels([u8; CODES]);

impl Labels {
    pub fn of<'t>(trees: impl IntoIterator<Item = &'t Tree>) -> Self {
        let mut counts: Vec<(usize, u8)> = (0..=255).map(|byte| (0, byte)).collect();
        for tree in trees {
            for node in &tree.nodes[1..] {
                counts[usize::from(node.byte)].0 += 1;
            }
        }
        counts.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
        let mut labels = [0; CODES];
        for (label, (_, byte)) in labels[1..].iter_mut().zip(counts) {
            *label = byte;
        }
        Self(labels)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn code(&self, byte: u8) -> u8 {
        let mut codes = (1..).zip(&self.0[1..]);
        codes
            .find(|(_, label)| **label == byte)
            .map_or(0, |(code, _)| code)
    }
}
