//! A set of strings as a tree of their bytes, searched in place: the longest of them that a text
//! begins with is found in one walk, and its rank with it.
//!
//! # Format
//!
//! A tree without strings takes no bytes. Otherwise the root is a table of its children, for
//! texts begin with any of them:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `first`, `last` | `u8[2]` | the least and the greatest byte that strings begin with |
//! | `root` | `u24[2]` for each from `first` to `last` | strings before the child of this byte, and where it begins in `nodes`; a byte without a child begins nowhere, at 2^24 - 1 |
//! | `nodes` | | the root's children |
//!
//! A node is followed by its children, if it has any, and then by its next sibling, unless it is
//! the last. Siblings are in any order: those that texts ask for most should be in front. A
//! string's rank is its place among the ends of strings.
//!
//! | field | type | there | meaning |
//! | --- | --- | --- | --- |
//! | `head` | `u8` | always | bits 0–4: `code`, 5: a string ends here, 6: the last sibling, 7: has children |
//! | `byte` | `u8` | if `code` is 0 | the node's byte; otherwise that is `labels[code]` |
//! | `below` | 1 or 6 bytes | if it has children and is not the last | how to pass over them |
//!
//! `below` is one byte, `strings << 5 | bytes`, if there are 1 to 7 strings in at most 31 bytes of
//! descendants. Otherwise bits 5–7 are 0, bits 0–4 are bits 16–20 of the number of strings, and its
//! lower 16 bits (`u16`) and the number of bytes (`u24`) follow.

/// Bytes by their codes: those that most nodes have. The first is not used.
pub(super) type Labels = [u8; 32];

/// A number less than 2^24, little-endian.
pub(super) type U24 = [u8; 3];

pub(super) fn value([b0, b1, b2]: U24) -> u32 {
    u32::from_le_bytes([b0, b1, b2, 0])
}

const CODE: u8 = 0x1f;
const ENDS: u8 = 0x20;
const LAST: u8 = 0x40;
const PARENT: u8 = 0x80;

/// The nodes of a tree, with their count of strings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trie<'a> {
    first: u8,
    root: &'a [[U24; 2]],
    nodes: &'a [u8],
    labels: &'a Labels,
    strings: u32,
}

impl<'a> Trie<'a> {
    /// The view of a tree, if its nodes are one and have as many strings.
    ///
    /// How to get to a node is not checked: if `root` or `below` is wrong, so are the ranks, but
    /// those that are given out are less than `strings`.
    pub fn new(tree: &'a [u8], labels: &'a Labels, strings: u32) -> Option<Self> {
        let (first, root, nodes) = match tree.split_first_chunk() {
            Some((&[first, last], rest)) => {
                let children = usize::from(last.checked_sub(first)?) + 1;
                let (root, nodes) = rest.split_at_checked(children * size_of::<[U24; 2]>())?;
                (first, root.as_chunks().0.as_chunks().0, nodes)
            }
            None => (0, &[][..], tree),
        };
        let tree = Self {
            first,
            root,
            nodes,
            labels,
            strings,
        };
        (tree.count()? == strings).then_some(tree)
    }

    /// The number of strings; `None` if the nodes are no tree.
    fn count(&self) -> Option<u32> {
        // Lists of siblings whose last one has not come.
        let mut open = usize::from(!self.nodes.is_empty());
        let (mut found, mut rest) = (0, self.nodes);
        while open > 0 {
            let node = Node::read(rest, self.labels)?;
            if !node.is(ENDS) && !node.is(PARENT) || !node.is(LAST) && node.next().is_none() {
                return None;
            }
            open = open + usize::from(node.is(PARENT)) - usize::from(node.is(LAST));
            found += u32::from(node.is(ENDS));
            rest = node.behind()?;
        }
        rest.is_empty().then_some(found)
    }

    /// Number of strings.
    pub fn len(&self) -> u32 {
        self.strings
    }

    /// The longest string that `text` begins with: its rank and its length.
    pub fn longest_prefix(&self, text: &[u8]) -> Option<(u32, usize)> {
        let child = text.first()?.wrapping_sub(self.first);
        let &[before, at] = self.root.get(usize::from(child))?;
        let (mut rank, mut nodes) = (value(before), self.nodes.get(value(at) as usize..)?);
        let mut found = None;
        for (length, &byte) in (1..).zip(text) {
            let node = loop {
                let Some(node) = Node::read(nodes, self.labels) else {
                    return found;
                };
                if node.byte == byte {
                    break node;
                }
                let Some((strings, next)) = node.next() else {
                    return found;
                };
                rank = rank.wrapping_add(strings);
                nodes = next;
            };
            if node.is(ENDS) {
                found = (rank < self.strings).then_some((rank, length));
                rank = rank.wrapping_add(1);
            }
            match node.children() {
                Some(children) => nodes = children,
                None => return found,
            }
        }
        found
    }

    /// The bytes that strings begin with.
    pub fn first_bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        let labels = self.labels;
        let mut nodes = Some(self.nodes);
        core::iter::from_fn(move || {
            let node = Node::read(nodes?, labels)?;
            nodes = node.next().map(|(_, next)| next);
            Some(node.byte)
        })
    }

    /// The string of a rank.
    pub fn string(&self, rank: u32) -> Bytes<'a> {
        Bytes {
            nodes: self.nodes,
            labels: self.labels,
            rank,
        }
    }
}

/// The bytes of a string, found on the way.
#[derive(Clone, Debug)]
pub(super) struct Bytes<'a> {
    /// Siblings, the next byte's node among them.
    nodes: &'a [u8],
    labels: &'a Labels,
    /// The string's, among those of these siblings and their descendants.
    rank: u32,
}

impl Bytes<'_> {
    pub const EMPTY: Bytes<'static> = Bytes {
        nodes: &[],
        labels: &[0; 32],
        rank: 0,
    };
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let node = Node::read(self.nodes, self.labels)?;
            match node.next() {
                Some((strings, next)) if strings <= self.rank => {
                    self.rank -= strings;
                    self.nodes = next;
                }
                _ => {
                    let here = node.is(ENDS) && self.rank == 0;
                    self.rank -= u32::from(node.is(ENDS) && !here);
                    let children = node.children().filter(|_| !here);
                    self.nodes = children.unwrap_or_default();
                    return Some(node.byte);
                }
            }
        }
    }
}

/// A node, with what stands behind its byte.
struct Node<'a> {
    head: u8,
    byte: u8,
    rest: &'a [u8],
}

impl<'a> Node<'a> {
    #[inline(always)]
    fn read(nodes: &'a [u8], labels: &Labels) -> Option<Self> {
        let (&head, mut rest) = nodes.split_first()?;
        let byte = match head & CODE {
            0 => *rest.split_off_first()?,
            code => labels[usize::from(code)],
        };
        Some(Self { head, byte, rest })
    }

    #[inline(always)]
    fn is(&self, flag: u8) -> bool {
        self.head & flag != 0
    }

    /// What stands behind the node itself: children or a sibling.
    #[inline(always)]
    fn behind(&self) -> Option<&'a [u8]> {
        match self.head & (PARENT | LAST) {
            PARENT => match self.rest.first()? {
                0..=CODE => self.rest.get(6..),
                _ => self.rest.get(1..),
            },
            _ => Some(self.rest),
        }
    }

    #[inline(always)]
    fn children(&self) -> Option<&'a [u8]> {
        self.behind().filter(|_| self.is(PARENT))
    }

    /// How many strings end here and below, and the next sibling.
    #[inline(always)]
    fn next(&self) -> Option<(u32, &'a [u8])> {
        let ends = u32::from(self.is(ENDS));
        match self.head & (PARENT | LAST) {
            0 => Some((ends, self.rest)),
            PARENT => {
                let (&below, rest) = self.rest.split_first()?;
                if below > CODE {
                    let next = rest.get(usize::from(below & CODE)..)?;
                    return Some((ends + u32::from(below >> 5), next));
                }
                let (&[s0, s1, b0, b1, b2], rest) = rest.split_first_chunk()?;
                let strings = u32::from_le_bytes([s0, s1, below, 0]);
                let next = rest.get(value([b0, b1, b2]) as usize..)?;
                Some((ends + strings, next))
            }
            _ => None,
        }
    }
}
