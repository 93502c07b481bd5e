{{ forecast_features(ref('int_holdout_plan')) }}
