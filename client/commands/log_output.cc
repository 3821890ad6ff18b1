#include "client/commands/log_output.h"

#include <cstdio>

namespace rdev::commands {

cluster::Cluster::LogSink LogOutput::sink() {
  return [this](std::string_view bytes) {
    good_ = good_ && std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
            std::fflush(stdout) == 0;
  };
}

Result<void> LogOutput::written() const {
  return good_ ? Result<void>() : fail(Code::kFailed, "cannot write to stdout");
}

}  // namespace rdev::commands
