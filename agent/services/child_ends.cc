#include "agent/services/child_ends.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/process/terminal.h"

namespace rdev::services {
namespace {

// Larger than the default 64 KiB: a third fewer wake-ups in a bulk copy. Not vital, hence no check.
constexpr int kPipeSize = 256 * 1024;

// `ours` is made non-blocking; the other end stays as programs expect it.
Result<void> make_pipe(base::Fd& read_end, base::Fd& write_end, const base::Fd& ours) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno("cannot make a pipe for the session");
  }
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
  (void)::fcntl(ends[0], F_SETPIPE_SZ, kPipeSize);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) {
    return fail_errno("cannot make a pipe non-blocking");
  }
  return {};
}

}  // namespace

Result<ChildPlumbing> make_pipes() {
  ChildPlumbing made;
  ChildEnds& ours = made.ours;
  if (auto input = make_pipe(made.input, ours.input, ours.input); !input) {
    return tl::make_unexpected(input.error());
  }
  if (auto output = make_pipe(ours.output, made.output, ours.output); !output) {
    return tl::make_unexpected(output.error());
  }
  if (auto error = make_pipe(ours.error, made.error, ours.error); !error) {
    return tl::make_unexpected(error.error());
  }
  return made;
}

Result<ChildPlumbing> make_terminal(const TerminalRequest& request, uid_t owner,
                                    process::Command& command) {
  const process::TerminalSize size{.columns = request.size.columns,
                                   .rows = request.size.rows,
                                   .width_px = request.size.width_px,
                                   .height_px = request.size.height_px};
  auto terminal = process::open_terminal(size, request.modes, owner);
  if (!terminal) {
    return tl::make_unexpected(terminal.error());
  }
  command.environment.set("SSH_TTY", terminal->path);
  ChildPlumbing made;
  made.input = std::move(terminal->slave);
  made.ours.output = std::move(terminal->master);
  made.ours.terminal = true;
  return made;
}

}  // namespace rdev::services
