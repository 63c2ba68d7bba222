//! Faults are features: processes are killed, queues emptied, workers stopped, in a fan-out to 20,000 users, and the
//! witness is the sandbox's own log.

mod fair;
mod kill;
mod newest;
mod queue;
mod scheduled;
mod world;
