//! The tree of znodes, as it is on every server when it has done the same transactions.

use super::request::{Op, Reply, Stat, WatchEvent, WatchKind, ZkError};
use crate::ordered::BTreeMap;
use bytes::Bytes;
use std::rc::Rc;

/// A znode. Its `cversion` here counts the children that were ever made; `num_children` is kept.
#[derive(Clone, Debug)]
struct Znode {
    data: Bytes,
    stat: Stat,
}

/// The tree, and the transaction up to which it is.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: BTreeMap<Rc<str>, Znode>,
    /// The last transaction.
    pub zxid: i64,
}

/// A transaction that is being done.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Its number.
    pub zxid: i64,
    /// The leader's clock when it was proposed.
    pub time_ms: i64,
    /// Who asked.
    pub session: i64,
}

/// The path of the znode above.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// Says why a path cannot be (`PathUtils.validatePath`); the sentence is ZooKeeper's own.
pub fn check_path(path: &str) -> Result<(), String> {
    let invalid = |why: &str| Err(format!("Invalid path string \"{path}\" caused by {why}"));
    match path {
        "" => Err("Path length must be > 0".to_owned()),
        _ if !path.starts_with('/') => Err("Path must start with / character".to_owned()),
        "/" => Ok(()),
        _ if path.ends_with('/') => Err("Path must not end with / character".to_owned()),
        _ => {
            for part in path[1..].split('/') {
                if part.is_empty() {
                    let at = path.find("//").map_or(0, |at| at + 1);
                    return invalid(&format!("empty node name specified @{at}"));
                }
                if matches!(part, "." | "..") {
                    return invalid("relative paths not allowed");
                }
            }
            Ok(())
        }
    }
}

impl Default for Tree {
    /// What a fresh ensemble has.
    fn default() -> Tree {
        let mut tree = Tree { nodes: BTreeMap::new(), zxid: 0 };
        for path in ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"] {
            tree.nodes.insert(path.into(), Znode { data: Bytes::new(), stat: Stat::default() });
        }
        for (path, count) in [("/", 1), ("/zookeeper", 2)] {
            if let Some(node) = tree.nodes.get_mut(path) {
                (node.stat.cversion, node.stat.num_children) = (count, count);
            }
        }
        tree
    }
}

impl Tree {
    fn stat_of(node: &Znode) -> Stat {
        let children = node.stat.num_children;
        Stat {
            data_length: node.data.len() as i32,
            // What is counted is what was made; deletions count too for who asks.
            cversion: node.stat.cversion * 2 - children,
            ..node.stat
        }
    }

    /// Answers a read.
    pub fn read(&self, op: &Op) -> Result<Reply, ZkError> {
        match op {
            Op::Exists { path, .. } => Ok(Reply::Stat(Self::stat_of(self.get(path)?))),
            Op::GetData { path, .. } => {
                let node = self.get(path)?;
                Ok(Reply::Data(node.data.clone(), Self::stat_of(node)))
            }
            Op::GetChildren { path, .. } | Op::GetChildrenAnd { path, .. } => {
                let node = self.get(path)?;
                let names = self.children(path).map(Rc::from).collect();
                Ok(Reply::Children(names, Self::stat_of(node)))
            }
            Op::GetTree { path } => {
                let node = self.get(path)?;
                let mut all = vec![path.clone()];
                self.add_below(path, &mut all);
                Ok(Reply::Children(all, Self::stat_of(node)))
            }
            _ => Ok(Reply::Done),
        }
    }

    fn get(&self, path: &str) -> Result<&Znode, ZkError> {
        self.nodes.get(path).ok_or(ZkError::NoNode)
    }

    /// The names below a path, sorted.
    fn children<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let prefix = if path == "/" { String::new() } else { path.to_owned() };
        let skip = prefix.len() + 1;
        let from: Rc<str> = format!("{prefix}/").into();
        let below = self.nodes.range::<Rc<str>>(from.clone()..);
        let below = below.take_while(move |(key, _)| key.starts_with(&*from));
        below
            .map(move |(key, _)| &key[skip..])
            .filter(|name| !name.is_empty() && !name.contains('/'))
    }

    /// Adds the paths below one, each before those below it (`ZKUtil.visitSubTreeDFS`).
    fn add_below(&self, path: &str, all: &mut Vec<Rc<str>>) {
        let prefix = if path == "/" { "" } else { path };
        for name in self.children(path) {
            let below: Rc<str> = format!("{prefix}/{name}").into();
            all.push(below.clone());
            self.add_below(&below, all);
        }
    }

    /// The znodes that go with a session.
    pub fn ephemerals(&self, session: i64) -> Vec<Rc<str>> {
        let owned = self.nodes.iter().filter(|(_, node)| node.stat.ephemeral_owner == session);
        owned.map(|(path, _)| path.clone()).collect()
    }

    /// Does a write. What watches are to be told of is added to `told`.
    pub fn write(
        &mut self,
        op: &Op,
        at: Moment,
        told: &mut Vec<WatchEvent>,
    ) -> Result<Reply, ZkError> {
        self.zxid = at.zxid;
        match op {
            Op::Create { path, data, ephemeral, sequential } => {
                self.create(path, data, (*ephemeral, *sequential), at, told).map(Reply::Created)
            }
            Op::Delete { path, version } => {
                self.delete(path, *version, at, told).map(|()| Reply::Done)
            }
            Op::SetData { path, data, version } => {
                let node = self.nodes.get_mut(path).ok_or(ZkError::NoNode)?;
                if *version >= 0 && *version != node.stat.version {
                    return Err(ZkError::BadVersion);
                }
                node.data = data.clone();
                node.stat.version += 1;
                (node.stat.mzxid, node.stat.mtime_ms) = (at.zxid, at.time_ms);
                told.push(WatchEvent { path: path.clone(), kind: WatchKind::Data });
                Ok(Reply::Stat(Self::stat_of(node)))
            }
            Op::Check { path, version } => match self.get(path)?.stat.version == *version {
                true => Ok(Reply::Done),
                false => Err(ZkError::BadVersion),
            },
            Op::Multi(ops) => {
                // All or none: what fails leaves the tree as it was.
                let before = self.nodes.clone();
                let mut events = Vec::new();
                let mut replies = Vec::with_capacity(ops.len());
                for op in ops {
                    match self.write(op, at, &mut events) {
                        Ok(reply) => replies.push(reply),
                        Err(error) => {
                            self.nodes = before;
                            return Err(error);
                        }
                    }
                }
                told.extend(events);
                Ok(Reply::Multi(replies))
            }
            _ => Ok(Reply::Done),
        }
    }

    fn create(
        &mut self,
        path: &Rc<str>,
        data: &Bytes,
        (ephemeral, sequential): (bool, bool),
        at: Moment,
        told: &mut Vec<WatchEvent>,
    ) -> Result<Rc<str>, ZkError> {
        check_path(path).map_err(|_| ZkError::BadArguments)?;
        let above = parent(path);
        let Some(parent) = self.nodes.get(above) else { return Err(ZkError::NoNode) };
        if parent.stat.ephemeral_owner != 0 {
            return Err(ZkError::NoChildrenForEphemerals);
        }
        let path: Rc<str> = match sequential {
            true => format!("{path}{:010}", parent.stat.cversion).into(),
            false => path.clone(),
        };
        if self.nodes.contains_key(&*path) {
            return Err(ZkError::NodeExists);
        }
        let stat = Stat {
            czxid: at.zxid,
            mzxid: at.zxid,
            pzxid: at.zxid,
            ctime_ms: at.time_ms,
            mtime_ms: at.time_ms,
            ephemeral_owner: if ephemeral { at.session } else { 0 },
            ..Stat::default()
        };
        if let Some(parent) = self.nodes.get_mut(above) {
            parent.stat.cversion += 1;
            parent.stat.num_children += 1;
            parent.stat.pzxid = at.zxid;
        }
        told.push(WatchEvent { path: path.clone(), kind: WatchKind::Made });
        told.push(WatchEvent { path: path.clone(), kind: WatchKind::Data });
        told.push(WatchEvent { path: above.into(), kind: WatchKind::Children });
        self.nodes.insert(path.clone(), Znode { data: data.clone(), stat });
        Ok(path)
    }

    fn delete(
        &mut self,
        path: &str,
        version: i32,
        at: Moment,
        told: &mut Vec<WatchEvent>,
    ) -> Result<(), ZkError> {
        let stat = self.get(path)?.stat;
        if version >= 0 && version != stat.version {
            return Err(ZkError::BadVersion);
        }
        if stat.num_children > 0 {
            return Err(ZkError::NotEmpty);
        }
        self.nodes.remove(path);
        let above: Rc<str> = parent(path).into();
        if let Some(parent) = self.nodes.get_mut(&*above) {
            parent.stat.num_children -= 1;
            parent.stat.pzxid = at.zxid;
        }
        let path: Rc<str> = path.into();
        told.push(WatchEvent { path: path.clone(), kind: WatchKind::Data });
        told.push(WatchEvent { path, kind: WatchKind::Children });
        told.push(WatchEvent { path: above, kind: WatchKind::Children });
        Ok(())
    }

    /// Says whether what is watched has changed since a transaction.
    pub fn has_changed(&self, path: &str, kind: WatchKind, existed: bool, since: i64) -> bool {
        match (self.nodes.get(path), kind) {
            (node, WatchKind::Made) => node.is_some(),
            (None, _) => existed,
            (Some(node), WatchKind::Data) => !existed || node.stat.mzxid > since,
            (Some(node), WatchKind::Children) => node.stat.pzxid > since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zxid: i64) -> Moment {
        Moment { zxid, time_ms: 5, session: 77 }
    }

    fn create(path: &str, ephemeral: bool, sequential: bool) -> Op {
        Op::Create { path: path.into(), data: Bytes::from_static(b"x"), ephemeral, sequential }
    }

    #[test]
    fn a_znode_counts_its_writes_and_its_children() {
        let mut tree = Tree::default();
        let mut told = Vec::new();
        tree.write(&create("/a", false, false), at(1), &mut told).unwrap();
        let set = |version| Op::SetData { path: "/a".into(), data: Bytes::new(), version };
        assert!(tree.write(&set(0), at(2), &mut told).is_ok());
        assert_eq!(tree.write(&set(0), at(3), &mut told), Err(ZkError::BadVersion));
        // The number of a sequential znode is how many were made under its parent before.
        for name in ["/a/n0000000000", "/a/n0000000001"] {
            let made = tree.write(&create("/a/n", false, true), at(4), &mut told);
            assert_eq!(made, Ok(Reply::Created(name.into())));
        }
        let delete = Op::Delete { path: "/a/n0000000000".into(), version: -1 };
        tree.write(&delete, at(5), &mut told).unwrap();
        let Ok(Reply::Stat(stat)) = tree.read(&Op::Exists { path: "/a".into(), watch: false })
        else {
            panic!("it is there");
        };
        // Two were made and one deleted: three changes, one child.
        assert_eq!((stat.version, stat.cversion, stat.num_children), (1, 3, 1));
        assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (1, 2, 5));
        assert_eq!(
            tree.write(&Op::Delete { path: "/a".into(), version: -1 }, at(6), &mut told),
            Err(ZkError::NotEmpty)
        );
    }

    #[test]
    fn all_of_a_multi_or_none() {
        let mut tree = Tree::default();
        let mut told = Vec::new();
        let both = Op::Multi(vec![
            create("/a", true, false),
            Op::Check { path: "/none".into(), version: 0 },
        ]);
        assert_eq!(tree.write(&both, at(1), &mut told), Err(ZkError::NoNode));
        assert!(told.is_empty() && tree.ephemerals(77).is_empty());
        let both = Op::Multi(vec![create("/a", true, false), create("/b", false, false)]);
        assert!(tree.write(&both, at(2), &mut told).is_ok());
        assert_eq!(tree.ephemerals(77), ["/a".into()]);
        assert_eq!(
            tree.write(&create("/a/b", false, false), at(3), &mut told),
            Err(ZkError::NoChildrenForEphemerals)
        );
    }

    #[test]
    fn children_are_the_next_level_alone() {
        let mut tree = Tree::default();
        let mut told = Vec::new();
        for path in ["/a", "/a/b", "/a/b/c", "/a-z"] {
            tree.write(&create(path, false, false), at(1), &mut told).unwrap();
        }
        let names =
            |path: &str| match tree.read(&Op::GetChildren { path: path.into(), watch: false }) {
                Ok(Reply::Children(names, _)) => names.join(" "),
                other => format!("{other:?}"),
            };
        assert_eq!(names("/"), "a a-z zookeeper");
        assert_eq!(names("/a"), "b");
    }

    #[test]
    fn paths_are_checked_as_zookeeper_checks_them() {
        assert_eq!(check_path("a").unwrap_err(), "Path must start with / character");
        assert_eq!(check_path("/a/").unwrap_err(), "Path must not end with / character");
        assert!(check_path("/a//b").unwrap_err().contains("empty node name specified @3"));
        assert!(check_path("/").is_ok() && check_path("/a.b/c_d").is_ok());
    }
}
