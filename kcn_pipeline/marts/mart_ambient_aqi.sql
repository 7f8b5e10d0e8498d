-- Audience: everyone who asks how the air was
-- Grain: ambient station × day
-- Columns:
--   station_id, station_name_vi: the station
--   park_code, park_name_vi, park_name_en: the park in which it stands now
--   day: local day (UTC+7)
--   aqi: VN_AQI of the day (Decision 1459/QĐ-TCMT); empty without enough data of PM10 or PM2.5
--   band, band_vi, band_en, rgb: its band, with the colour of the decision
--   main_parameter, main_parameter_name_vi: the parameter whose index is the highest
--   aqi_pm25, aqi_pm10, aqi_o3, aqi_no2, aqi_so2, aqi_co: the index of every parameter; empty without enough data
--   hours_valid, worst_hour_aqi, worst_hour_at: hours that have an index of their own, the highest of them and when
CREATE VIEW mart_ambient_aqi AS
SELECT
    a.station_id,
    s.name_vi AS station_name_vi,
    s.park_code,
    k.name_vi AS park_name_vi,
    COALESCE(k.name_en, k.name_vi) AS park_name_en,
    a.day,
    a.aqi,
    a.band,
    a.band_vi,
    a.band_en,
    a.rgb,
    a.main_parameter,
    p.name_vi AS main_parameter_name_vi,
    pm25.aqi AS aqi_pm25,
    pm10.aqi AS aqi_pm10,
    o3.aqi AS aqi_o3,
    no2.aqi AS aqi_no2,
    so2.aqi AS aqi_so2,
    co.aqi AS aqi_co,
    a.hours_valid,
    a.worst_hour_aqi,
    a.worst_hour_at
FROM fct_ambient_aqi a
LEFT JOIN fct_ambient_aqi pm25 ON pm25.station_id = a.station_id AND pm25.day = a.day AND pm25.parameter_code = 'pm25'
LEFT JOIN fct_ambient_aqi pm10 ON pm10.station_id = a.station_id AND pm10.day = a.day AND pm10.parameter_code = 'pm10'
LEFT JOIN fct_ambient_aqi o3 ON o3.station_id = a.station_id AND o3.day = a.day AND o3.parameter_code = 'o3'
LEFT JOIN fct_ambient_aqi no2 ON no2.station_id = a.station_id AND no2.day = a.day AND no2.parameter_code = 'no2'
LEFT JOIN fct_ambient_aqi so2 ON so2.station_id = a.station_id AND so2.day = a.day AND so2.parameter_code = 'so2'
LEFT JOIN fct_ambient_aqi co ON co.station_id = a.station_id AND co.day = a.day AND co.parameter_code = 'co'
LEFT JOIN dim_station s ON s.station_id = a.station_id
LEFT JOIN dim_park k ON k.park_code = s.park_code
LEFT JOIN dim_parameter p ON p.parameter_code = a.main_parameter
WHERE a.parameter_code = ''
