#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "protocol/base/result.h"

namespace rdev::templates {

// What a job document of OpenPAI says to rdev itself: `extras.rdev`, and what rdev must know of the
// rest before it renders the job. Command line options go over it.
struct OpenpaiSettings {
  // Unset: the default of `rdev up`. Set to nullopt: no end.
  std::optional<std::optional<std::chrono::seconds>> lifetime;
  std::optional<std::chrono::seconds> attach_timeout;
  std::optional<bool> exit_with_command;
  std::optional<bool> login;
  std::vector<cluster::Denied> deny;
  int instances = 1;  // of the first role
  std::string image;  // of the first role; empty: none yet
};

// Code::kUsage "FILE:LINE:COLUMN: …" for text that is no YAML, and for what is not understood in
// `extras.rdev`. The facts that rdev itself writes there (id, name, owner …) are let pass. The rest
// of the document is checked by cluster::openpai::render.
Result<OpenpaiSettings> read_openpai_settings(const cluster::JobSpec::Document& document);

}  // namespace rdev::templates
