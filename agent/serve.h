#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/own_process.h"

namespace rdev::agent {

struct ServeOptions {
  Config config;
  std::vector<std::string> command;  // the job's own; empty: none
  base::Fd listener;                 // a TCP socket that listens already; empty: none
  // Called once, when it listens.
  std::function<void(const std::vector<asio::ip::tcp::endpoint>&)> listening;
};

// Serves until the job is over: its lifetime, SIGTERM, or, if so configured, the end of its
// command. Then ends every process below it and returns the exit code of the job's command (128+N
// for a signal), 0 without one. An error when it cannot listen.
Result<int> serve(OwnProcess own, ServeOptions options);

}  // namespace rdev::agent
