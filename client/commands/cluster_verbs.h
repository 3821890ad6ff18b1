#pragma once

#include <string>

#include "client/commands/verb.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {

// Verbs of `rdev cluster` that have a file of their own.
void add_cluster_resources(CLI::App& cluster, const Chosen& chosen);
void add_cluster_update(CLI::App& cluster, const Chosen& chosen);
void add_cluster_edit(CLI::App& cluster, const Chosen& chosen);
void add_cluster_import(CLI::App& cluster, const Chosen& chosen);

// For them.

// The names of this laptop's jobs that are there, with commas between them.
std::string jobs_on(const state::Paths& paths, const std::string& cluster);
// A job is found again by its cluster's name, which must go on to mean the same server:
// Code::kExists when `entry` would change that.
Result<void> check_not_in_use(const state::Paths& paths, const templates::ClusterEntry& entry);

}  // namespace rdev::commands
