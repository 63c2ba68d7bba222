//! Faults are features: real processes are killed, stopped and starved, real servers emptied, filled, cut off and
//! restarted, in the middle of fan-outs to thousands of users. Each ends with the one audit of [`audit`], and the
//! sandbox's own log is the witness. `scripts/faults` runs them all and prints the table of `docs/reliability.md`.

mod audit;
mod churn;
mod clock;
mod disk;
mod fair;
mod goaway;
mod kill;
mod newest;
mod people;
mod poison;
mod postgres;
mod process;
mod provider;
mod proxy;
mod publish;
mod queue;
mod random;
mod scheduled;
mod seed;
mod servers;
mod shim;
mod soak;
mod stop;
mod witness;
mod world;
