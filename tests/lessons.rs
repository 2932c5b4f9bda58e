//! The lessons of the page: each is a test. And what a lesson's file may be at all.

#[path = "lessons/broken.rs"]
mod broken;
#[path = "lessons/files.rs"]
mod files;
#[path = "lessons/folders.rs"]
mod folders;
#[path = "lessons/learner.rs"]
mod learner;
#[path = "lessons/trial.rs"]
mod trial;
#[path = "lessons/words.rs"]
mod words;
