//! What channels may send, counted in Redis by all processes together: one call for everything that a process wants to send
//! at a time.
//!
//! Promise: the answer is what [`Limits::take`] says, by Redis' own clock; one script, one key. When Redis has forgotten what
//! a day's quota was spent on, nothing is granted: the caller counts in the record and asks again with what it found.
//! Not promised: exact counts across a failover; what was granted in the last moments may be forgotten.

use std::time::Duration;

use redis::Script;

use super::redis::Counters;
use super::{Kv, keys};
use crate::domain::allowance::{Grant, Limits, Rate, Scarce, Standing};
use crate::domain::channel::Channel;
use crate::domain::fanout::Lane;
use crate::domain::time::Timestamp;

/// How long it is remembered what a channel nobody sends on has sent: beyond the end of any day.
const KEPT: Duration = Duration::from_secs(48 * 60 * 60);

/// `domain::allowance::Limits::take` once more. `known` is what the record says was sent today; -1: not looked up.
const TAKE: &str = r"
local per_second, full, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local quota, day, known = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local wanted, left, now = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local had = redis.call('HMGET', KEYS[1], 'level', 'filled_at', 'day', 'used')
local level, filled_at = tonumber(had[1] or full), tonumber(had[2] or now)
local counted, used = tonumber(had[3]), tonumber(had[4] or 0)
if quota >= 0 then
  if not counted then
    if known < 0 then return {-1, 0, 0, 0, 0, 0, 0} end
    counted, used = day, known
  elseif counted < day then
    counted, used = day, 0
  end
  if known > used then used = known end
end
local granted, scarce, wait = wanted, 0, 0
if per_second > 0 then
  level = math.min(full, level + math.max(0, now - filled_at) * per_second)
  filled_at = math.max(filled_at, now)
  local places = math.floor(math.max(0, level - kept) / 1000)
  if places < granted then
    granted, scarce = places, 1
    wait = math.ceil(math.max(0, kept + 1000 - (level - places * 1000)) / per_second)
  end
end
if quota >= 0 then
  local places = math.max(0, quota - used)
  if places < granted then granted, scarce, wait = places, 2, left end
end
if per_second > 0 then level = level - granted * 1000 end
used = used + granted
redis.call('HSET', KEYS[1], 'level', level, 'filled_at', filled_at, 'day', counted or 0, 'used', used)
redis.call('PEXPIRE', KEYS[1], ARGV[10])
return {granted, wait, scarce, level, filled_at, counted or 0, used}
";

/// What was not sent, or in vain, is given back.
const GIVE_BACK: &str = r"
local per_second, full, day = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local had = redis.call('HMGET', KEYS[1], 'level', 'day', 'used')
if not had[1] then return 0 end
if per_second > 0 then
  redis.call('HSET', KEYS[1], 'level', math.min(full, tonumber(had[1]) + tonumber(ARGV[4]) * 1000))
end
if tonumber(had[2]) == day then
  redis.call('HSET', KEYS[1], 'used', math.max(0, tonumber(had[3]) - tonumber(ARGV[5])))
end
return 1
";

/// What a process asks of a channel's allowance.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Whose it is.
    pub channel: Channel,
    /// What it may send.
    pub limits: Limits,
    /// How urgent it is.
    pub lane: Lane,
    /// How many messages; 0 only looks.
    pub wanted: u32,
    /// When the day began that is counted, and how long it is until the next.
    pub day: (Timestamp, Duration),
    /// How many messages of the day the record knows of, when it was asked.
    pub known: Option<u32>,
    /// The bucket's clock, for tests; Redis' own without it.
    pub now: Option<Timestamp>,
}

/// What Redis says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// So many, and what is left.
    Granted(Grant, Standing),
    /// It does not know what was sent today.
    Forgotten,
}

impl Kv {
    /// Takes from a channel's allowance; nothing without Redis, or while it does not answer.
    pub async fn take(&self, ask: &Ask) -> Option<Answer> {
        let redis = self.redis.as_ref()?;
        let rate = ask.limits.rate;
        let script = Script::new(TAKE);
        let mut call = script.key(redis.key(&keys::allowance(ask.channel)));
        call.arg(rate.map_or(0, Rate::per_second))
            .arg(rate.map_or(0, Rate::full))
            .arg(rate.map_or(0, |rate| rate.left_by(ask.lane)))
            .arg(ask.limits.quota.map_or(-1, |quota| i64::from(quota.messages)))
            .arg(ask.day.0.as_millis())
            .arg(ask.known.map_or(-1, i64::from))
            .arg(ask.wanted)
            .arg(millis(ask.day.1))
            .arg(ask.now.map_or(-1, Timestamp::as_millis))
            .arg(millis(KEPT));
        let said: [i64; 7] = redis.ask(&call).await?;
        let [granted, wait, scarce, level, filled_at, day, used] = said;
        let Ok(granted) = u32::try_from(granted) else { return Some(Answer::Forgotten) };
        let scarce = match scarce {
            1 => Some(Scarce::Rate),
            2 => Some(Scarce::Quota),
            _ => None,
        };
        let grant = Grant { granted, wait: Duration::from_millis(u64::try_from(wait).unwrap_or(0)), scarce };
        let at = Timestamp::from_millis;
        Some(Answer::Granted(grant, Standing { level, filled_at: at(filled_at), day: at(day), used }))
    }

    /// Gives back what was not sent at all, and what was sent in vain; nothing when Redis does not answer.
    pub async fn give_back(&self, ask: &Ask, unsent: u32, uncounted: u32) -> Option<()> {
        let redis = self.redis.as_ref()?;
        let rate = ask.limits.rate;
        let script = Script::new(GIVE_BACK);
        let mut call = script.key(redis.key(&keys::allowance(ask.channel)));
        call.arg(rate.map_or(0, Rate::per_second))
            .arg(rate.map_or(0, Rate::full))
            .arg(ask.day.0.as_millis())
            .arg(unsent)
            .arg(uncounted);
        redis.ask::<i64>(&call).await.map(|_| ())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Counters {
    async fn ask<T: redis::FromRedisValue>(&self, call: &redis::ScriptInvocation<'_>) -> Option<T> {
        let mut connection = self.connection();
        self.within_budget(call.invoke_async::<T>(&mut connection)).await
    }
}
