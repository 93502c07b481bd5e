{{ forecast_features(ref('int_forecast_plan')) }}
