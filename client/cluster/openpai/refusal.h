#pragma once

#include <string>

#include "client/cluster/openpai/errors.h"

namespace rdev::cluster::openpai {

// What is in the body of a refusal.
struct Said {
  std::string code;  // "NoJobError"; empty when there is none
  std::string
      message;  // the server's words as they are; empty when there are none that can be shown
  // The first complaint of the schema, and how many there are; empty and 0 for other refusals.
  std::string path;   // "taskRoles.worker.resourcePerInstance.gpu", empty for the document itself
  std::string fault;  // "should be integer"
  int faults = 0;
  bool json = false;  // it is OpenPAI's own answer, not one of something before it
};

// Of {code, message}; of a plain text too, but not of HTML. Anything may be missing.
Said read_refusal(const Refusal& refusal);

}  // namespace rdev::cluster::openpai
