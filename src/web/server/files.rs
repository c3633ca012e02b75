//! Open files: each connection is one, and a server that runs out of them can't even say so (AV-08).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that the server needs beside its connections: databases, listeners, standard streams.
const OWN: u64 = 128;

/// Raises this process's limit of open files as far as it is allowed and needed, and tells for how many of the
/// wanted connections there is room. Says in the log when there is room for fewer.
#[must_use]
pub fn room_for(connections: usize) -> usize {
    let wanted = connections as u64 + OWN;
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return connections;
    }
    let raised = now.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let limit = Rlimit { current: Some(raised), maximum: now.maximum };
    let current =
        if setrlimit(Resource::Nofile, limit).is_ok() { raised } else { now.current.unwrap_or(raised) };
    if current >= wanted {
        return connections;
    }
    let room = usize::try_from(current.saturating_sub(OWN)).unwrap_or(connections).max(1);
    tracing::warn!(
        wanted = connections,
        room,
        "this process may open only {current} files; raise the limit (ulimit -n) to serve more connections at once"
    );
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_08_the_limit_of_open_files_is_looked_at() {
        assert_eq!(room_for(1), 1);
        let most = getrlimit(Resource::Nofile).maximum;
        let room = room_for(usize::MAX / 2);
        if let Some(most) = most {
            assert!(room as u64 <= most, "there is room for {room} with at most {most} files");
            assert!(getrlimit(Resource::Nofile).current.is_none_or(|current| current >= room as u64));
        }
    }
}
