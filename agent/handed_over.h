#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/config.h"
#include "protocol/base/fd.h"

namespace rdev::agent {

// `serve --config`: what whoever starts the agent (agent/stub, a job's shell) hands over besides,
// as the command line has it; empty: not given.
struct HandedOver {
  std::string listen;     // ADDRESS:PORT, in addition to the config's
  std::string listen_fd;  // a socket that listens already
  std::string ready_fd;   // where "up\n" is to be written
  std::string instance;   // which one of several that have the same config
};

// The config of `path`; "-" is stdin, to its end, as it is or in base64: a shell's printf has no
// NULs. Stdin is /dev/null afterwards.
Result<Config> load_config(const std::string& path, const HandedOver& handed);

// A descriptor of this process that listens, as the rest of the agent wants it: non-blocking, not
// inherited.
Result<base::Fd> take_listener(const std::string& number);
Result<base::Fd> take_descriptor(const std::string& number);

// To a FIFO that somebody waits at. Best effort: when nobody does any more, nobody needs it.
void say_ready(const base::Fd& ready);

}  // namespace rdev::agent
