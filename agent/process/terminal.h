#pragma once

#include <sys/types.h>
#include <termios.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::process {

struct TerminalSize {
  std::uint32_t columns = 0, rows = 0, width_px = 0, height_px = 0;
};

// A pseudo terminal: the master is ours (non-blocking), the slave is for the child.
struct Terminal {
  base::Fd master, slave;
  std::string path;  // "/dev/pts/3"
};

// Opens one, owned by `owner`, with size and the encoded terminal modes of RFC 4254 section 8.
// The error says what to do without a terminal: an image may have no /dev/ptmx.
Result<Terminal> open_terminal(const TerminalSize& size, std::string_view modes, uid_t owner);

void set_size(int terminal, const TerminalSize& size);

// Unknown opcodes are passed over; the list ends at TTY_OP_END, at an opcode of 160 and above, or
// where it is cut off.
void apply_modes(std::string_view modes, ::termios& settings);

}  // namespace rdev::process
