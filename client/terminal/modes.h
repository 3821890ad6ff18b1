#pragma once

#include <termios.h>

#include <string>

namespace rdev::terminal {

// RFC 4254 section 8.
std::string encode_modes(const ::termios& modes);

}  // namespace rdev::terminal
