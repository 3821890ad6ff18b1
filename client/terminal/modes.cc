#include "client/terminal/modes.h"

#include <unistd.h>

#include "protocol/stream/terminal_modes.h"

namespace rdev::terminal {
namespace {

void append(std::string& out, unsigned opcode, std::uint32_t value) {
  out += static_cast<char>(opcode);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    out += static_cast<char>(value >> shift);
  }
}

void append_speed(std::string& out, unsigned opcode, speed_t code) {
  for (const stream::ModeSpeed& speed : stream::kModeSpeeds) {
    if (speed.code == code) {
      append(out, opcode, speed.baud);
    }
  }
}

}  // namespace

std::string encode_modes(const ::termios& modes) {
  std::string out;
  append_speed(out, stream::kInputSpeed, ::cfgetispeed(&modes));
  append_speed(out, stream::kOutputSpeed, ::cfgetospeed(&modes));
  for (const stream::ModeCharacter& character : stream::kModeCharacters) {
    const cc_t value = modes.c_cc[character.index];
    append(out, character.opcode, value == _POSIX_VDISABLE ? stream::kNoCharacter : value);
  }
  for (const stream::ModeFlag& flag : stream::kModeFlags) {
    append(out, flag.opcode, (modes.*flag.word & flag.mask) == flag.bits ? 1 : 0);
  }
  out += static_cast<char>(stream::kModesEnd);
  return out;
}

}  // namespace rdev::terminal
