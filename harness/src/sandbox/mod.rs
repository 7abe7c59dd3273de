//! What stands around a program under test: its home folder, its environment, its network, and the processes it starts.

pub mod disk;
pub mod environment;
pub mod handed_down;
pub mod home;
pub mod namespace;
pub mod process_tree;
pub mod supervise;
mod trial;
pub mod usage;
