#pragma once

namespace rdev::sftp {

// Serves SFTP version 3 (draft-ietf-secsh-filexfer-02) to the client that writes to `in` and reads
// from `out`, until it closes `in`. Meant to be all that a process does: it already has the user's
// ids, umask and, as working directory, the place where relative paths start. One request at a
// time, answered in order; while an answer cannot be written nothing more is read. Both fds may be
// blocking or not; they stay the caller's. Ignores SIGPIPE in the process. Returns the exit code: 0
// at the client's EOF, 1 after a broken packet or I/O error, which it names on stderr.
int serve(int in, int out);

}  // namespace rdev::sftp
