#pragma once

#include <string>

#include "client/storage/azure_client.h"

namespace rdev::storage {

// One Put Blob for what is small; else blocks of 4 MiB, whose ids say of which source they are:
// those that the service has already, not committed, are not sent again. `client` outlives it.
awaitable<Result<void>> upload_blob(AzureClient& client, std::string blob, Upload upload);

// How large the blocks of a blob are: at most 50 000 of them (Put Block List).
std::uint64_t block_bytes(std::uint64_t blob_bytes);
// Base64, and equally long for all blocks of all sources, as one blob's have to be.
std::string block_id(const std::string& version, std::uint64_t size, std::uint64_t index);

}  // namespace rdev::storage
