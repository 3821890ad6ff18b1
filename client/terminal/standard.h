#pragma once

namespace rdev::terminal {

// Those of stdin, stdout and stderr that the caller had closed lead to /dev/null from now on: the
// next file to be opened would take their number, and be read as input.
void open_standard_descriptors();

}  // namespace rdev::terminal
