#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/context.h"
#include "protocol/stream/stream.h"

namespace rdev::commands {

// A command in the instance `job`, over its link.
struct JobSession {
  std::string job;
  std::vector<std::string> words;
  // Writes what is its stdin; without, that is empty. A stream that is closed is no error of it.
  std::function<awaitable<Result<void>>(stream::Stream&)> input;
  // Takes its stdout, which is to be written before it returns; without, stdout is like stderr.
  std::function<awaitable<Result<void>>(std::string_view)> output;
};

struct SessionEnd {
  int code = 0;      // as a shell would tell it
  std::string said;  // the last lines of its stderr
};

awaitable<Result<SessionEnd>> run_in_job(Context& context, JobSession session);

}  // namespace rdev::commands
