#pragma once

#include <string>

#include "client/cluster/openpai/api.h"

namespace rdev::cluster::openpai {

// Submits a job, and does not return before it is known whether the server has it: also when it is
// cancelled meanwhile (Code::kCancelled). What had been half sent could come into being later, when
// nobody looks.
awaitable<Result<void>> submit_whole(Api& api, std::string document, Words words);

}  // namespace rdev::cluster::openpai
