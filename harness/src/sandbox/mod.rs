//! What stands around a program under test: its home folder, its environment, and the processes it starts.

pub mod environment;
pub mod home;
pub mod process_tree;
pub mod supervise;
