// The verbs of `framemill model` that change the packages of this host.
#pragma once

#include "cli/arguments.h"
#include "models/package.h"

namespace framemill::cli {

// import and remove.
void declare_model_changes(Arguments& group);

// What `framemill model` looks through: --models, else those of config.toml, else ./models. Errors: usage.models.
base::Result<std::vector<std::filesystem::path>> package_roots(const std::vector<std::string>& given, Session& session);
// A package by its id, or one directory that is a package. Errors: model.unknown, and what opening it says.
base::Result<models::Package> find_package(const std::string& package, const std::vector<std::string>& roots,
                                           Session& session);

}  // namespace framemill::cli
